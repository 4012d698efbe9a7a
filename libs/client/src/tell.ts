import { inspect } from 'node:util';

/** Anything that can be thrown, as text. Never throws itself, whatever the value does when it is looked at. */
export function describe(thrown: unknown): string {
  try {
    return typeof thrown === 'string' ? thrown : inspect(thrown);
  } catch {
    return 'something that cannot be shown';
  }
}

/** A warning of the process. As text: what prints a warning would run the getters of an object. */
export function warn(thrown: unknown): void {
  process.emitWarning(describe(thrown), 'SynclineWarning');
}

/**
 * Makes the caller's `onError` safe to call: what it throws or rejects with is a warning, with the error that it was
 * told, and whoever tells goes on.
 *
 * @param onError undefined: every error is a warning
 */
export function teller<More extends unknown[]>(
  onError: ((error: unknown, ...more: More) => unknown) | undefined,
): (error: unknown, ...more: More) => void {
  const tell = async (error: unknown, more: More) => {
    if (onError === undefined) return warn(error);
    try {
      await onError(error, ...more);
    } catch (failure) {
      warn(`onError failed: ${describe(failure)}\nIt was told: ${describe(error)}`);
    }
  };
  return (error, ...more) => void tell(error, more);
}
