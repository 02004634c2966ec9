/// What `PrimitiveTextTests` expects; `PRINT_PRIMITIVE_TEXTS=1` prints it.
enum PrimitiveTexts {
  static let all = #"""
    ### negate
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.negate %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### absolute
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.abs %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### sign
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.sign %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### square
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.multiply %input0, %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### not
    func.func public @main(%input0: tensor<3x4xi1>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.not %input0 : tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### floor
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.floor %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### ceil
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.ceil %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### round
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.round_nearest_even %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### sqrt
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.sqrt %input0 : tensor<3x4xf32>
      %1 = stablehlo.constant dense<0xBF800000> : tensor<3x4xf32>
      %2 = stablehlo.maximum %0, %1 : tensor<3x4xf32>
      return %2 : tensor<3x4xf32>
    ### rsqrt
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.rsqrt %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### reciprocal
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.constant dense<0x3F800000> : tensor<3x4xf32>
      %1 = stablehlo.divide %0, %input0 : tensor<3x4xf32>
      return %1 : tensor<3x4xf32>
    ### cbrt
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.cbrt %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### exp
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.exponential %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### expm1
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.exponential_minus_one %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### log
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.log %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### log1p
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.log_plus_one %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### sin
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.sine %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### cos
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.cosine %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### tan
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.tan %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### asin
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.asin %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### acos
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.acos %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### atan
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.atan %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### sinh
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.sinh %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### cosh
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.cosh %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### tanh
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.tanh %input0 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### asinh
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.asinh %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### acosh
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.acosh %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### atanh
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.atanh %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### erf
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.erf %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### erfc
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.erfc %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### erfInverse
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = chlo.erf_inv %input0 : tensor<3x4xf32> -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### multiplyAdd
    func.func public @main(%input0: tensor<f32>, %input1: tensor<f32>, %input2: tensor<4xf32>) -> (tensor<4xf32>) {
      %0 = stablehlo.broadcast_in_dim %input0, dims = [] : (tensor<f32>) -> tensor<4xf32>
      %1 = stablehlo.broadcast_in_dim %input1, dims = [] : (tensor<f32>) -> tensor<4xf32>
      %2 = stablehlo.multiply %0, %1 : tensor<4xf32>
      %3 = stablehlo.add %2, %input2 : tensor<4xf32>
      return %3 : tensor<4xf32>
    ### select
    func.func public @main(%input0: tensor<4xi1>, %input1: tensor<f32>, %input2: tensor<f32>) -> (tensor<4xf32>) {
      %0 = stablehlo.broadcast_in_dim %input1, dims = [] : (tensor<f32>) -> tensor<4xf32>
      %1 = stablehlo.broadcast_in_dim %input2, dims = [] : (tensor<f32>) -> tensor<4xf32>
      %2 = stablehlo.select %input0, %0, %1 : tensor<4xi1>, tensor<4xf32>
      return %2 : tensor<4xf32>
    ### add
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.add %input0, %input1 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### subtract
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.subtract %input0, %input1 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### multiply
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.multiply %input0, %input1 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### divide
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.divide %input0, %input1 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### minimum
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.minimum %input0, %input1 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### maximum
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.maximum %input0, %input1 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### power
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.power %input0, %input1 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### atan2
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.atan2 %input0, %input1 : tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### and
    func.func public @main(%input0: tensor<3x4xi1>, %input1: tensor<3x4xi1>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.and %input0, %input1 : tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### or
    func.func public @main(%input0: tensor<3x4xi1>, %input1: tensor<3x4xi1>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.or %input0, %input1 : tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### xor
    func.func public @main(%input0: tensor<3x4xi1>, %input1: tensor<3x4xi1>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.xor %input0, %input1 : tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### less
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.compare LT, %input0, %input1, FLOAT : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### lessOrEqual
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.compare LE, %input0, %input1, FLOAT : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### equal
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.compare EQ, %input0, %input1, FLOAT : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### notEqual
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.compare NE, %input0, %input1, FLOAT : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### greaterOrEqual
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.compare GE, %input0, %input1, FLOAT : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### greater
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<3x4xf32>) -> (tensor<3x4xi1>) {
      %0 = stablehlo.compare GT, %input0, %input1, FLOAT : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
      return %0 : tensor<3x4xi1>
    ### convert
    func.func public @main(%input0: tensor<3x4xi1>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.convert %input0 : (tensor<3x4xi1>) -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### convert, 2
    func.func public @main(%input0: tensor<3x4xi1>) -> (tensor<3x4xf64>) {
      %0 = stablehlo.convert %input0 : (tensor<3x4xi1>) -> tensor<3x4xf64>
      return %0 : tensor<3x4xf64>
    ### convert, 3
    func.func public @main(%input0: tensor<3x4xi1>) -> (tensor<3x4xi32>) {
      %0 = stablehlo.convert %input0 : (tensor<3x4xi1>) -> tensor<3x4xi32>
      return %0 : tensor<3x4xi32>
    ### convert, 4
    func.func public @main(%input0: tensor<3x4xi1>) -> (tensor<3x4xi1>) {
      return %input0 : tensor<3x4xi1>
    ### stopGradient
    func.func public @main(%input0: tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      return %input0 : tensor<3x4xf32>
    ### reshape
    func.func public @main(%input0: tensor<2x6xf32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.reshape %input0 : (tensor<2x6xf32>) -> tensor<3x4xf32>
      return %0 : tensor<3x4xf32>
    ### transpose {[1, 0]}
    func.func public @main(%input0: tensor<2x3xf32>) -> (tensor<3x2xf32>) {
      %0 = stablehlo.transpose %input0, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
      return %0 : tensor<3x2xf32>
    ### broadcast
    func.func public @main(%input0: tensor<3xf32>) -> (tensor<2x3xf32>) {
      %0 = stablehlo.broadcast_in_dim %input0, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
      return %0 : tensor<2x3xf32>
    ### reverse {axes: [0]}
    func.func public @main(%input0: tensor<4xf32>) -> (tensor<4xf32>) {
      %0 = stablehlo.reverse %input0, dims = [0] : tensor<4xf32>
      return %0 : tensor<4xf32>
    ### slice {1..<4}
    func.func public @main(%input0: tensor<5xf32>) -> (tensor<3xf32>) {
      %0 = stablehlo.slice %input0 [1:4] : (tensor<5xf32>) -> tensor<3xf32>
      return %0 : tensor<3xf32>
    ### assign {1..<4}
    func.func public @main(%input0: tensor<5xf32>, %input1: tensor<3xf32>) -> (tensor<5xf32>) {
      %0 = stablehlo.constant dense<1> : tensor<i32>
      %1 = stablehlo.dynamic_update_slice %input0, %input1, %0 : (tensor<5xf32>, tensor<3xf32>, tensor<i32>) -> tensor<5xf32>
      return %1 : tensor<5xf32>
    ### pad {low: [1], high: [2], interior: [0]}
    func.func public @main(%input0: tensor<3xf32>, %input1: tensor<f32>) -> (tensor<6xf32>) {
      %0 = stablehlo.pad %input0, %input1, low = [1], high = [2], interior = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<6xf32>
      return %0 : tensor<6xf32>
    ### concatenate {axis: 1}
    func.func public @main(%input0: tensor<2x3xf32>, %input1: tensor<2x1xf32>, %input2: tensor<2x4xf32>) -> (tensor<2x8xf32>) {
      %0 = stablehlo.concatenate %input0, %input1, %input2, dim = 1 : (tensor<2x3xf32>, tensor<2x1xf32>, tensor<2x4xf32>) -> tensor<2x8xf32>
      return %0 : tensor<2x8xf32>
    ### iota {axis: 0}
    func.func public @main() -> (tensor<4xf32>) {
      %0 = stablehlo.constant dense<[0x00000000, 0x3F800000, 0x40000000, 0x40400000]> : tensor<4xf32>
      return %0 : tensor<4xf32>
    ### take {axis: 0}
    func.func public @main(%input0: tensor<5xf32>, %input1: tensor<3xi32>) -> (tensor<3xf32>) {
      %0 = stablehlo.constant dense<0> : tensor<3xi32>
      %1 = stablehlo.compare LT, %input1, %0, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
      %2 = stablehlo.constant dense<5> : tensor<3xi32>
      %3 = stablehlo.add %input1, %2 : tensor<3xi32>
      %4 = stablehlo.select %1, %3, %input1 : tensor<3xi1>, tensor<3xi32>
      %5 = stablehlo.reshape %4 : (tensor<3xi32>) -> tensor<3x1xi32>
      %6 = "stablehlo.gather"(%input0, %5) <{dimension_numbers = #stablehlo.gather<offset_dims = [], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1>, indices_are_sorted = false}> : (tensor<5xf32>, tensor<3x1xi32>) -> tensor<3xf32>
      return %6 : tensor<3xf32>
    ### scatterAdd {axis: 0}
    func.func public @main(%input0: tensor<3xf32>, %input1: tensor<3xi32>) -> (tensor<5xf32>) {
      %0 = stablehlo.constant dense<0> : tensor<3xi32>
      %1 = stablehlo.compare LT, %input1, %0, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
      %2 = stablehlo.constant dense<5> : tensor<3xi32>
      %3 = stablehlo.add %input1, %2 : tensor<3xi32>
      %4 = stablehlo.select %1, %3, %input1 : tensor<3xi1>, tensor<3xi32>
      %5 = stablehlo.reshape %4 : (tensor<3xi32>) -> tensor<3x1xi32>
      %6 = stablehlo.constant dense<0x00000000> : tensor<5xf32>
      %7 = "stablehlo.scatter"(%6, %5, %input0) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = false}> ({
        ^bb0(%8: tensor<f32>, %9: tensor<f32>):
        %10 = stablehlo.add %8, %9 : tensor<f32>
        stablehlo.return %10 : tensor<f32>
      }) : (tensor<5xf32>, tensor<3x1xi32>, tensor<3xf32>) -> tensor<5xf32>
      return %7 : tensor<5xf32>
    ### takeAlong {axis: 0}
    func.func public @main(%input0: tensor<5xf32>, %input1: tensor<3xi32>) -> (tensor<3xf32>) {
      %0 = stablehlo.constant dense<0> : tensor<3xi32>
      %1 = stablehlo.compare LT, %input1, %0, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
      %2 = stablehlo.constant dense<5> : tensor<3xi32>
      %3 = stablehlo.add %input1, %2 : tensor<3xi32>
      %4 = stablehlo.select %1, %3, %input1 : tensor<3xi1>, tensor<3xi32>
      %5 = stablehlo.reshape %4 : (tensor<3xi32>) -> tensor<3x1xi32>
      %6 = "stablehlo.gather"(%input0, %5) <{dimension_numbers = #stablehlo.gather<collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1>, indices_are_sorted = false}> : (tensor<5xf32>, tensor<3x1xi32>) -> tensor<3xf32>
      return %6 : tensor<3xf32>
    ### scatterAddAlong {axis: 0}
    func.func public @main(%input0: tensor<3xf32>, %input1: tensor<3xi32>) -> (tensor<5xf32>) {
      %0 = stablehlo.constant dense<0> : tensor<3xi32>
      %1 = stablehlo.compare LT, %input1, %0, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
      %2 = stablehlo.constant dense<5> : tensor<3xi32>
      %3 = stablehlo.add %input1, %2 : tensor<3xi32>
      %4 = stablehlo.select %1, %3, %input1 : tensor<3xi1>, tensor<3xi32>
      %5 = stablehlo.reshape %4 : (tensor<3xi32>) -> tensor<3x1xi32>
      %6 = stablehlo.constant dense<0x00000000> : tensor<5xf32>
      %7 = "stablehlo.scatter"(%6, %5, %input0) <{scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = false}> ({
        ^bb0(%8: tensor<f32>, %9: tensor<f32>):
        %10 = stablehlo.add %8, %9 : tensor<f32>
        stablehlo.return %10 : tensor<f32>
      }) : (tensor<5xf32>, tensor<3x1xi32>, tensor<3xf32>) -> tensor<5xf32>
      return %7 : tensor<5xf32>
    ### sort {axis: 0}
    func.func public @main(%input0: tensor<6xf32>) -> (tensor<6xf32>) {
      %0 = stablehlo.iota dim = 0 : tensor<6xi32>
      %1 = stablehlo.constant dense<0x00000000> : tensor<6xf32>
      %2 = stablehlo.constant dense<0x7FC00000> : tensor<6xf32>
      %3 = stablehlo.compare NE, %input0, %input0, FLOAT : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xi1>
      %4 = stablehlo.compare EQ, %input0, %1, FLOAT : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xi1>
      %5 = stablehlo.select %3, %2, %input0 : tensor<6xi1>, tensor<6xf32>
      %6 = stablehlo.select %4, %1, %5 : tensor<6xi1>, tensor<6xf32>
      %7:3 = "stablehlo.sort"(%6, %input0, %0) <{dimension = 0 : i64, is_stable = true}> ({
        ^bb0(%8: tensor<f32>, %9: tensor<f32>, %10: tensor<f32>, %11: tensor<f32>, %12: tensor<i32>, %13: tensor<i32>):
        %14 = stablehlo.compare LT, %8, %9, TOTALORDER : (tensor<f32>, tensor<f32>) -> tensor<i1>
        stablehlo.return %14 : tensor<i1>
      }) : (tensor<6xf32>, tensor<6xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<6xi32>)
      return %7#1 : tensor<6xf32>
    ### argSort {axis: 0}
    func.func public @main(%input0: tensor<6xf32>) -> (tensor<6xi32>) {
      %0 = stablehlo.iota dim = 0 : tensor<6xi32>
      %1 = stablehlo.constant dense<0x00000000> : tensor<6xf32>
      %2 = stablehlo.constant dense<0x7FC00000> : tensor<6xf32>
      %3 = stablehlo.compare NE, %input0, %input0, FLOAT : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xi1>
      %4 = stablehlo.compare EQ, %input0, %1, FLOAT : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xi1>
      %5 = stablehlo.select %3, %2, %input0 : tensor<6xi1>, tensor<6xf32>
      %6 = stablehlo.select %4, %1, %5 : tensor<6xi1>, tensor<6xf32>
      %7:3 = "stablehlo.sort"(%6, %input0, %0) <{dimension = 0 : i64, is_stable = true}> ({
        ^bb0(%8: tensor<f32>, %9: tensor<f32>, %10: tensor<f32>, %11: tensor<f32>, %12: tensor<i32>, %13: tensor<i32>):
        %14 = stablehlo.compare LT, %8, %9, TOTALORDER : (tensor<f32>, tensor<f32>) -> tensor<i1>
        stablehlo.return %14 : tensor<i1>
      }) : (tensor<6xf32>, tensor<6xf32>, tensor<6xi32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<6xi32>)
      return %7#2 : tensor<6xi32>
    ### cumulativeSum {axis: 0}
    func.func public @main(%input0: tensor<6xf32>) -> (tensor<6xf32>) {
      %0 = stablehlo.constant dense<0x00000000> : tensor<f32>
      %1 = stablehlo.pad %input0, %0, low = [1], high = [-1], interior = [0] : (tensor<6xf32>, tensor<f32>) -> tensor<6xf32>
      %2 = stablehlo.add %input0, %1 : tensor<6xf32>
      %3 = stablehlo.pad %2, %0, low = [2], high = [-2], interior = [0] : (tensor<6xf32>, tensor<f32>) -> tensor<6xf32>
      %4 = stablehlo.add %2, %3 : tensor<6xf32>
      %5 = stablehlo.pad %4, %0, low = [4], high = [-4], interior = [0] : (tensor<6xf32>, tensor<f32>) -> tensor<6xf32>
      %6 = stablehlo.add %4, %5 : tensor<6xf32>
      return %6 : tensor<6xf32>
    ### dynamicSlice
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<2xi32>) -> (tensor<2x2xf32>) {
      %0 = stablehlo.slice %input1 [0:1] : (tensor<2xi32>) -> tensor<1xi32>
      %1 = stablehlo.reshape %0 : (tensor<1xi32>) -> tensor<i32>
      %2 = stablehlo.slice %input1 [1:2] : (tensor<2xi32>) -> tensor<1xi32>
      %3 = stablehlo.reshape %2 : (tensor<1xi32>) -> tensor<i32>
      %4 = stablehlo.dynamic_slice %input0, %1, %3, sizes = [2, 2] : (tensor<3x4xf32>, tensor<i32>, tensor<i32>) -> tensor<2x2xf32>
      return %4 : tensor<2x2xf32>
    ### dynamicUpdateSlice
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<2x2xf32>, %input2: tensor<2xi32>) -> (tensor<3x4xf32>) {
      %0 = stablehlo.slice %input2 [0:1] : (tensor<2xi32>) -> tensor<1xi32>
      %1 = stablehlo.reshape %0 : (tensor<1xi32>) -> tensor<i32>
      %2 = stablehlo.slice %input2 [1:2] : (tensor<2xi32>) -> tensor<1xi32>
      %3 = stablehlo.reshape %2 : (tensor<1xi32>) -> tensor<i32>
      %4 = stablehlo.dynamic_update_slice %input0, %input1, %1, %3 : (tensor<3x4xf32>, tensor<2x2xf32>, tensor<i32>, tensor<i32>) -> tensor<3x4xf32>
      return %4 : tensor<3x4xf32>
    ### reduceSum {axes: [0]}
    func.func public @main(%input0: tensor<5xf32>) -> (tensor<f32>) {
      %0 = stablehlo.constant dense<0x00000000> : tensor<f32>
      %1 = stablehlo.reduce(%input0 init: %0) applies stablehlo.add across dimensions = [0] : (tensor<5xf32>, tensor<f32>) -> tensor<f32>
      return %1 : tensor<f32>
    ### reduceProduct {axes: [0]}
    func.func public @main(%input0: tensor<5xf32>) -> (tensor<f32>) {
      %0 = stablehlo.constant dense<0x3F800000> : tensor<f32>
      %1 = stablehlo.reduce(%input0 init: %0) applies stablehlo.multiply across dimensions = [0] : (tensor<5xf32>, tensor<f32>) -> tensor<f32>
      return %1 : tensor<f32>
    ### reduceMin {axes: [0]}
    func.func public @main(%input0: tensor<5xf32>) -> (tensor<f32>) {
      %0 = stablehlo.constant dense<0x7F800000> : tensor<f32>
      %1 = stablehlo.reduce(%input0 init: %0) applies stablehlo.minimum across dimensions = [0] : (tensor<5xf32>, tensor<f32>) -> tensor<f32>
      return %1 : tensor<f32>
    ### reduceMax {axes: [0]}
    func.func public @main(%input0: tensor<5xf32>) -> (tensor<f32>) {
      %0 = stablehlo.constant dense<0xFF800000> : tensor<f32>
      %1 = stablehlo.reduce(%input0 init: %0) applies stablehlo.maximum across dimensions = [0] : (tensor<5xf32>, tensor<f32>) -> tensor<f32>
      return %1 : tensor<f32>
    ### argMin {axis: 0}
    func.func public @main(%input0: tensor<5xf32>) -> (tensor<i32>) {
      %0 = stablehlo.iota dim = 0 : tensor<5xi32>
      %1 = stablehlo.constant dense<0x7F800000> : tensor<f32>
      %2 = stablehlo.constant dense<2147483647> : tensor<i32>
      %3:2 = stablehlo.reduce(%input0 init: %1), (%0 init: %2) across dimensions = [0] : (tensor<5xf32>, tensor<5xi32>, tensor<f32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
        reducer(%4: tensor<f32>, %5: tensor<f32>) (%6: tensor<i32>, %7: tensor<i32>) {
        %8 = stablehlo.compare LT, %4, %5, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %9 = stablehlo.compare EQ, %4, %5, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %10 = stablehlo.compare NE, %4, %4, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %11 = stablehlo.compare NE, %5, %5, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %12 = stablehlo.or %8, %10 : tensor<i1>
        %13 = stablehlo.and %10, %11 : tensor<i1>
        %14 = stablehlo.or %9, %13 : tensor<i1>
        %15 = stablehlo.compare LT, %6, %7, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
        %16 = stablehlo.and %14, %15 : tensor<i1>
        %17 = stablehlo.not %14 : tensor<i1>
        %18 = stablehlo.and %12, %17 : tensor<i1>
        %19 = stablehlo.or %18, %16 : tensor<i1>
        %20 = stablehlo.select %19, %4, %5 : tensor<i1>, tensor<f32>
        %21 = stablehlo.select %19, %6, %7 : tensor<i1>, tensor<i32>
        stablehlo.return %20, %21 : tensor<f32>, tensor<i32>
      }
      return %3#1 : tensor<i32>
    ### argMax {axis: 0}
    func.func public @main(%input0: tensor<5xf32>) -> (tensor<i32>) {
      %0 = stablehlo.iota dim = 0 : tensor<5xi32>
      %1 = stablehlo.constant dense<0xFF800000> : tensor<f32>
      %2 = stablehlo.constant dense<2147483647> : tensor<i32>
      %3:2 = stablehlo.reduce(%input0 init: %1), (%0 init: %2) across dimensions = [0] : (tensor<5xf32>, tensor<5xi32>, tensor<f32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
        reducer(%4: tensor<f32>, %5: tensor<f32>) (%6: tensor<i32>, %7: tensor<i32>) {
        %8 = stablehlo.compare GT, %4, %5, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %9 = stablehlo.compare EQ, %4, %5, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %10 = stablehlo.compare NE, %4, %4, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %11 = stablehlo.compare NE, %5, %5, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %12 = stablehlo.or %8, %10 : tensor<i1>
        %13 = stablehlo.and %10, %11 : tensor<i1>
        %14 = stablehlo.or %9, %13 : tensor<i1>
        %15 = stablehlo.compare LT, %6, %7, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
        %16 = stablehlo.and %14, %15 : tensor<i1>
        %17 = stablehlo.not %14 : tensor<i1>
        %18 = stablehlo.and %12, %17 : tensor<i1>
        %19 = stablehlo.or %18, %16 : tensor<i1>
        %20 = stablehlo.select %19, %4, %5 : tensor<i1>, tensor<f32>
        %21 = stablehlo.select %19, %6, %7 : tensor<i1>, tensor<i32>
        stablehlo.return %20, %21 : tensor<f32>, tensor<i32>
      }
      return %3#1 : tensor<i32>
    ### dotGeneral {contracting: [1]·[0]}
    func.func public @main(%input0: tensor<3x4xf32>, %input1: tensor<4x2xf32>) -> (tensor<3x2xf32>) {
      %0 = stablehlo.dot_general %input0, %input1, contracting_dims = [1] x [0], precision = [HIGHEST, HIGHEST] : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
      return %0 : tensor<3x2xf32>
    ### convolution {ConvolutionGeometry(inputSize: [5], window: [3], strides: [1], paddingLow: [0], paddingHigh: [0], inputDilation: [1], windowDilation: [1], groups: 1)}
    func.func public @main(%input0: tensor<2x5x2xf32>, %input1: tensor<3x2x3xf32>) -> (tensor<2x3x3xf32>) {
      %0 = stablehlo.convolution(%input0, %input1) dim_numbers = [b, 0, f]x[0, i, o]->[b, 0, f], window = {stride = [1], pad = [[0, 0]], lhs_dilate = [1], rhs_dilate = [1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<2x5x2xf32>, tensor<3x2x3xf32>) -> tensor<2x3x3xf32>
      return %0 : tensor<2x3x3xf32>
    ### convolutionInput {ConvolutionGeometry(inputSize: [5], window: [3], strides: [1], paddingLow: [0], paddingHigh: [0], inputDilation: [1], windowDilation: [1], groups: 1)}
    func.func public @main(%input0: tensor<2x3x3xf32>, %input1: tensor<3x2x3xf32>) -> (tensor<2x5x2xf32>) {
      %0 = stablehlo.reverse %input1, dims = [0] : tensor<3x2x3xf32>
      %1 = stablehlo.convolution(%input0, %0) dim_numbers = [b, 0, f]x[0, o, i]->[b, 0, f], window = {stride = [1], pad = [[2, 2]], lhs_dilate = [1], rhs_dilate = [1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<2x3x3xf32>, tensor<3x2x3xf32>) -> tensor<2x5x2xf32>
      return %1 : tensor<2x5x2xf32>
    ### convolutionFilter {ConvolutionGeometry(inputSize: [5], window: [3], strides: [1], paddingLow: [0], paddingHigh: [0], inputDilation: [1], windowDilation: [1], groups: 1)}
    func.func public @main(%input0: tensor<2x5x2xf32>, %input1: tensor<2x3x3xf32>) -> (tensor<3x2x3xf32>) {
      %0 = stablehlo.convolution(%input0, %input1) dim_numbers = [f, 0, b]x[i, 0, o]->[0, b, f], window = {stride = [1], pad = [[0, 0]], lhs_dilate = [1], rhs_dilate = [1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<2x5x2xf32>, tensor<2x3x3xf32>) -> tensor<3x2x3xf32>
      return %0 : tensor<3x2x3xf32>
    ### windowSum {WindowGeometry(window: [3], strides: [1], paddingLow: [0], paddingHigh: [0], windowDilation: [1])}
    func.func public @main(%input0: tensor<5xf32>) -> (tensor<3xf32>) {
      %0 = stablehlo.constant dense<0x00000000> : tensor<f32>
      %1 = "stablehlo.reduce_window"(%input0, %0) <{window_dimensions = array<i64: 3>, window_strides = array<i64: 1>, window_dilations = array<i64: 1>}> ({
        ^bb0(%2: tensor<f32>, %3: tensor<f32>):
        %4 = stablehlo.add %2, %3 : tensor<f32>
        stablehlo.return %4 : tensor<f32>
      }) : (tensor<5xf32>, tensor<f32>) -> tensor<3xf32>
      return %1 : tensor<3xf32>
    ### cholesky
    func.func public @main(%input0: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<i1>) {
      %0 = stablehlo.cholesky %input0, lower = true : tensor<4x4xf32>
      %1 = stablehlo.is_finite %0 : (tensor<4x4xf32>) -> tensor<4x4xi1>
      %2 = stablehlo.constant dense<true> : tensor<i1>
      %3 = stablehlo.reduce(%1 init: %2) applies stablehlo.and across dimensions = [0, 1] : (tensor<4x4xi1>, tensor<i1>) -> tensor<i1>
      return %0, %3 : tensor<4x4xf32>, tensor<i1>
    ### triangularSolve {TriangularSolveOptions(side: Tensors.MatrixSide.left, lower: true, transpose: true, unitDiagonal: false)}
    func.func public @main(%input0: tensor<3x3xf32>, %input1: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<i1>) {
      %0 = stablehlo.iota dim = 0 : tensor<3x3xi32>
      %1 = stablehlo.iota dim = 1 : tensor<3x3xi32>
      %2 = stablehlo.compare NE, %0, %1, SIGNED : (tensor<3x3xi32>, tensor<3x3xi32>) -> tensor<3x3xi1>
      %3 = stablehlo.constant dense<0x00000000> : tensor<3x3xf32>
      %4 = stablehlo.compare NE, %input0, %3, FLOAT : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xi1>
      %5 = stablehlo.or %2, %4 : tensor<3x3xi1>
      %6 = stablehlo.constant dense<true> : tensor<i1>
      %7 = stablehlo.reduce(%5 init: %6) applies stablehlo.and across dimensions = [0, 1] : (tensor<3x3xi1>, tensor<i1>) -> tensor<i1>
      %8 = "stablehlo.triangular_solve"(%input0, %input1) <{left_side = true, lower = true, unit_diagonal = false, transpose_a = #stablehlo<transpose TRANSPOSE>}> : (tensor<3x3xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
      return %8, %7 : tensor<3x2xf32>, tensor<i1>
    ### call checkpoint
    func.func public @main(%input0: tensor<3xf32>, %input1: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xi32>, tensor<f32>) {
      %0 = stablehlo.sine %input0 : tensor<3xf32>
      %1 = stablehlo.multiply %0, %input1 : tensor<3xf32>
      %2 = stablehlo.exponential %input1 : tensor<3xf32>
      %3 = stablehlo.constant dense<0x00000000> : tensor<f32>
      %4 = stablehlo.reduce(%2 init: %3) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
      %5 = stablehlo.broadcast_in_dim %4, dims = [] : (tensor<f32>) -> tensor<3xf32>
      %6 = stablehlo.add %1, %5 : tensor<3xf32>
      %7 = stablehlo.iota dim = 0 : tensor<3xi32>
      %8 = stablehlo.constant dense<0x00000000> : tensor<3xf32>
      %9 = stablehlo.constant dense<0x7FC00000> : tensor<3xf32>
      %10 = stablehlo.compare NE, %input0, %input0, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
      %11 = stablehlo.compare EQ, %input0, %8, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
      %12 = stablehlo.select %10, %9, %input0 : tensor<3xi1>, tensor<3xf32>
      %13 = stablehlo.select %11, %8, %12 : tensor<3xi1>, tensor<3xf32>
      %14:3 = "stablehlo.sort"(%13, %input0, %7) <{dimension = 0 : i64, is_stable = true}> ({
        ^bb0(%15: tensor<f32>, %16: tensor<f32>, %17: tensor<f32>, %18: tensor<f32>, %19: tensor<i32>, %20: tensor<i32>):
        %21 = stablehlo.compare LT, %15, %16, TOTALORDER : (tensor<f32>, tensor<f32>) -> tensor<i1>
        stablehlo.return %21 : tensor<i1>
      }) : (tensor<3xf32>, tensor<3xf32>, tensor<3xi32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xi32>)
      %22 = stablehlo.multiply %input0, %input0 : tensor<3xf32>
      %23 = stablehlo.reduce(%22 init: %3) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
      return %6, %14#2, %23 : tensor<3xf32>, tensor<3xi32>, tensor<f32>
    ### call custom
    func.func public @main(%input0: tensor<3xf32>, %input1: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xi32>, tensor<f32>) {
      %0 = stablehlo.sine %input0 : tensor<3xf32>
      %1 = stablehlo.multiply %0, %input1 : tensor<3xf32>
      %2 = stablehlo.exponential %input1 : tensor<3xf32>
      %3 = stablehlo.constant dense<0x00000000> : tensor<f32>
      %4 = stablehlo.reduce(%2 init: %3) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
      %5 = stablehlo.broadcast_in_dim %4, dims = [] : (tensor<f32>) -> tensor<3xf32>
      %6 = stablehlo.add %1, %5 : tensor<3xf32>
      %7 = stablehlo.iota dim = 0 : tensor<3xi32>
      %8 = stablehlo.constant dense<0x00000000> : tensor<3xf32>
      %9 = stablehlo.constant dense<0x7FC00000> : tensor<3xf32>
      %10 = stablehlo.compare NE, %input0, %input0, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
      %11 = stablehlo.compare EQ, %input0, %8, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
      %12 = stablehlo.select %10, %9, %input0 : tensor<3xi1>, tensor<3xf32>
      %13 = stablehlo.select %11, %8, %12 : tensor<3xi1>, tensor<3xf32>
      %14:3 = "stablehlo.sort"(%13, %input0, %7) <{dimension = 0 : i64, is_stable = true}> ({
        ^bb0(%15: tensor<f32>, %16: tensor<f32>, %17: tensor<f32>, %18: tensor<f32>, %19: tensor<i32>, %20: tensor<i32>):
        %21 = stablehlo.compare LT, %15, %16, TOTALORDER : (tensor<f32>, tensor<f32>) -> tensor<i1>
        stablehlo.return %21 : tensor<i1>
      }) : (tensor<3xf32>, tensor<3xf32>, tensor<3xi32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xi32>)
      %22 = stablehlo.multiply %input0, %input0 : tensor<3xf32>
      %23 = stablehlo.reduce(%22 init: %3) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
      return %6, %14#2, %23 : tensor<3xf32>, tensor<3xi32>, tensor<f32>
    """#
}
