import { inspect } from 'node:util';

/** Anything that can be thrown, as text. Never throws, even when inspecting the value throws. */
export function textOf(thrown: unknown): string {
  try {
    return typeof thrown === 'string' ? thrown : inspect(thrown);
  } catch {
    return 'a value that cannot be inspected';
  }
}

/** Emits a process warning. As text, because printing an object as a warning would run its getters. */
export function warn(thrown: unknown): void {
  process.emitWarning(textOf(thrown), 'SynclineWarning');
}

/**
 * Makes the caller's `onError` safe to call: when it throws or rejects, a warning shows its failure and the error that
 * it was given, and the caller of the reporter continues.
 *
 * @param onError undefined: every error becomes a warning
 */
export function safeReporter<More extends unknown[]>(
  onError: ((error: unknown, ...more: More) => unknown) | undefined,
): (error: unknown, ...more: More) => void {
  const report = async (error: unknown, more: More) => {
    if (onError === undefined) return warn(error);
    try {
      await onError(error, ...more);
    } catch (failure) {
      warn(`onError failed: ${textOf(failure)}\nwhile it handled: ${textOf(error)}`);
    }
  };
  return (error, ...more) => void report(error, more);
}
