// What the files of the shim share.
#ifndef NT_PJRT_SHIM_H
#define NT_PJRT_SHIM_H

#include "CPjrt.h"
#include "pjrt_c_api.h"

// A copy that ends with a zero.
char *nt_pjrt_copied(const char *text, size_t size);
// Our form of an error, which is destroyed; NULL for none.
nt_pjrt_error *nt_pjrt_taken(const PJRT_Api *api, PJRT_Error *error);
// Waits for an event, which is destroyed.
nt_pjrt_error *nt_pjrt_awaited(const PJRT_Api *api, PJRT_Event *event);

#endif
