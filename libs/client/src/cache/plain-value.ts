/** Bytes that the parts of a value take in V8's heap. Measured, rounded up. */
const OBJECT_BYTES = 64;
const SLOT_BYTES = 16;
const NUMBER_BYTES = 16;
const TEXT_BYTES = 32;
const CHARACTER_BYTES = 2;
/** For the name of a property, however many objects of the value have it. */
const NAME_BYTES = 150;

/**
 * Makes a value immutable to its depth, when it consists of plain objects, arrays and primitives only. Any other is not
 * touched: what a `Date`, a `Map` or a `Buffer` holds cannot be frozen.
 *
 * @returns an upper bound of the bytes that the value takes; null when it was not frozen
 */
export function freezePlain(value: unknown): number | null {
  const objects = new Set<object>();
  const names = new Set<string>();
  const rest: unknown[] = [value];
  let bytes = 0;
  while (rest.length > 0) {
    const part = rest.pop();
    if (typeof part === 'string') bytes += TEXT_BYTES + CHARACTER_BYTES * part.length;
    else if (typeof part === 'number') bytes += NUMBER_BYTES;
    else if (typeof part === 'function') return null;
    else if (typeof part === 'object' && part !== null && !objects.has(part)) {
      objects.add(part);
      bytes += OBJECT_BYTES;
      if (Array.isArray(part)) {
        bytes += SLOT_BYTES * part.length;
        for (const item of part) rest.push(item);
      } else if (isPlain(part)) {
        for (const [name, item] of Object.entries(part)) {
          bytes += SLOT_BYTES;
          if (!names.has(name)) bytes += NAME_BYTES + CHARACTER_BYTES * name.length;
          names.add(name);
          rest.push(item);
        }
      } else return null;
    }
  }
  for (const object of objects) Object.freeze(object);
  return bytes;
}

function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null;
}
