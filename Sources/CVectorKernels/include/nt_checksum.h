// CRC-32C, the checksum of chunks on disk: the polynomial of iSCSI (RFC 3720), bits reflected.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The checksum of `count` bytes, or of these after others whose checksum is `before`; 0 before the first.
// The checksum of "123456789" is e3069283.
uint32_t nt_crc32c(uint32_t before, const void *bytes, size_t count);

#ifdef __cplusplus
}
#endif
