// The umbrella: one import brings everything that a user types.
@_exported import Accelerator
@_exported import Clusters
@_exported import CovarianceEngine
@_exported import DataFiles
@_exported import Dynamics
@_exported import FiniteWidth
@_exported import GramStore
@_exported import Inference
@_exported import NetworkYAML
@_exported import Networks
@_exported import Tensors
