import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';

/** Options of a command that takes the body of a message. */
export interface BodyOptions {
  readonly text?: boolean;
}

/** Flags and description of the option. */
export const TEXT_OPTION = ['--text', 'send the body as text, even when it is valid JSON'] as const;

export const BODY_HELP =
  '\nA body that is valid JSON is sent as JSON, any other body as text; with --text, always as text.';

/**
 * What is valid JSON is sent as JSON, anything else as text.
 *
 * @throws {Failure} it has a number that JSON would round
 */
export function bodyOf(input: string, { text }: BodyOptions): unknown {
  // The newline at the end of a file is not part of the text.
  const asText = input.replace(/\r?\n$/, '');
  if (text) return asText;
  let body: unknown;
  try {
    body = JSON.parse(input);
  } catch {
    return asText;
  }
  const rounded = numbersIn(input).find(isRounded);
  if (rounded === undefined) return body;
  throw new Failure(
    `the body has the number ${rounded}, which would arrive as ${JSON.stringify(Number(rounded))}: write it as a string, or send the body with --text`,
    EXIT.usage,
  );
}

/** Strings are matched too, so that digits in them are not taken for numbers. */
const numbersIn = (json: string): string[] =>
  (json.match(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g) ?? []).filter((token) => !token.startsWith('"'));

/** Whether JSON, as JavaScript reads it, has another number for this one. */
export function isRounded(number: string): boolean {
  const value = Number(number);
  return !Number.isFinite(value) || (/^-?\d+$/.test(number) && BigInt(number) !== BigInt(value));
}
