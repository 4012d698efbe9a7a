/** A port of which only these operations are there; any other throws when it is called. */
export function implemented<Port extends object>(what: string, operations: Partial<Port>): Port {
  return new Proxy(operations, {
    get(target, property) {
      if (property in target) {
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return () => {
        throw new Error(`${what} in memory have no ${String(property)}: test this with a real Redis`);
      };
    },
  }) as Port;
}
