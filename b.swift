protocol P {}
struct S<each I: P> {
  let rule: (_ x: (repeat each I), _ y: (repeat each I)) -> Int
  func a(_ x: repeat each I, y: (repeat each I)) -> Int { let t: (repeat each I) = (repeat each x);  return rule(t, y) }
}
struct A<each I: P> { let values: (repeat each I) }
struct S2<each I: P> {
  let rule: (A<repeat each I>, A<repeat each I>) -> Int
  func a(_ x: (repeat each I), _ y: (repeat each I)) -> Int { rule(A(values:(repeat each x)), A(values:(repeat each y))) }
}
