import { textOf } from '../../report.js';

/** As long as a node takes them. */
const MAX_REASON_BYTES = 256;
const MAX_DETAIL_BYTES = 4_096;

/** What a worker says about a delivery whose handler threw. */
export interface Failure {
  readonly reason: string;
  readonly detail?: string;
}

/** The name and message of an error, and its stack, as long as a node takes them. Anything can be thrown. */
export function failureOf(thrown: unknown): Failure {
  try {
    if (thrown instanceof Error) {
      const reason = cut(`${thrown.name}: ${thrown.message}`, MAX_REASON_BYTES);
      return typeof thrown.stack === 'string'
        ? { reason, detail: cut(thrown.stack, MAX_DETAIL_BYTES) }
        : { reason };
    }
  } catch {
    // A getter of the error throws.
  }
  return { reason: cut(textOf(thrown), MAX_REASON_BYTES) };
}

/** The first bytes of a text in UTF-8, without a part of a character at the end. */
function cut(text: string, bytes: number): string {
  const encoded = new TextEncoder().encode(text);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(encoded.subarray(0, bytes), { stream: true });
}
