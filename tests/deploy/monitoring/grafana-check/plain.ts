// Grafana's types as JSON has them: an enum is its value.
export type Plain<T> = T extends string
  ? `${T}`
  : T extends number
    ? number extends T
      ? number
      : `${T}` extends `${infer Value extends number}`
        ? Value
        : never
    : T extends Array<infer Element>
      ? Array<Plain<Element>>
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;
