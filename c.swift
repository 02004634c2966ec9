protocol P {}
struct A<each I: P> { let values: (repeat each I) }
struct S2<each I: P> {
  let rule: (A<repeat each I>, A<repeat each I>) -> Int
  func a(_ x: (repeat each I), _ y: (repeat each I)) -> Int { rule(A(values:(repeat each x)), A(values:(repeat each y))) }
}
struct S3<each I: P> {
  let rule: (Int, repeat each I) -> (repeat each I)
  func a(_ x: repeat each I) -> (repeat each I) { rule(3, repeat each x) }
}
struct S4<each I: P> {
  let rule: (repeat each I) -> ((repeat each I)) -> Int
  func a(_ x: repeat each I, y: (repeat each I)) -> Int { rule(repeat each x)(repeat each y) }
}
