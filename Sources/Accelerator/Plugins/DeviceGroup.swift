import CovarianceEngine

/// Devices that share the tiles of kernels: `cuda:0,cuda:1`.
public struct DeviceGroup: KernelDevice {
  /// At least one.
  public let devices: [Device]
  /// Rows and columns of the blocks that kernels are computed in, each at once; nil for what memory allows.
  public let blockSize: Int?
  /// What blocks must divide; nil for nothing.
  var tileSize: Int?

  /// - Precondition: there is one at least, and blocks have one row at least.
  public init(_ devices: [Device], blockSize: Int? = nil) {
    precondition(!devices.isEmpty, "a group of no devices")
    precondition(blockSize ?? 1 > 0, "blocks without rows")
    (self.devices, self.blockSize) = (devices, blockSize)
  }

  /// The devices of a list of names with commas between; a platform without a number is all of its devices.
  ///
  /// - Throws: `DeviceError` where one is not there.
  public static func named(_ names: String) throws(DeviceError) -> DeviceGroup {
    var devices: [Device] = []
    for name in names.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      let found = name.contains(":") ? [try Device.named(name)] : try Device.all(name)
      for device in found where !devices.contains(where: { $0 === device }) { devices.append(device) }
    }
    guard !devices.isEmpty else { throw .name(names) }
    return DeviceGroup(devices)
  }

  public var name: String { devices.map(\.name).joined(separator: ",") }
}
