import { createHash, hash } from 'node:crypto';
import { ERRORS, invalidValue, SqsError } from '../sqs-error.js';
import type { Members } from '../wire/wire.js';

/** An attribute of a message. `value`: its text, or its bytes as base64. */
export interface MessageAttribute {
  /** `String`, `Number` or `Binary`, each with a suffix of one's own after a dot. */
  readonly type: string;
  readonly value: string;
}

export type MessageAttributes = ReadonlyMap<string, MessageAttribute>;

/** Letters of Latin are taken with their accents, though the documents name those of ASCII. */
const NAME = /^(?!aws\.|amazon\.)(?!\.)(?!.*\.\.)[A-Za-z\u00C0-\u017F0-9_.-]{1,256}(?<!\.)$/i;
const TYPE = /^(String|Number|Binary)(\.[^\s]{1,240})?$/;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/;
const MOST = 10;

export const isBinary = (type: string): boolean => type.startsWith('Binary');

const wrong = (message: string) => new SqsError(ERRORS.invalidParameterValue, message);

/** @throws SqsError for an attribute that is wrong, or for too many */
export function readMessageAttributes(parameter: string, members: Members): MessageAttributes {
  const entries = Object.entries(members);
  if (entries.length > MOST) {
    throw wrong(`Number of message attributes [${entries.length}] exceeds the allowed maximum [${MOST}].`);
  }
  return new Map(entries.map(([name, value]) => [name, readOne(parameter, name, value)]));
}

function readOne(parameter: string, name: string, given: unknown): MessageAttribute {
  if (!NAME.test(name)) throw wrong(`The name '${name}' of one of the ${parameter} is not valid.`);
  const what = `The message attribute '${name}'`;
  const { DataType, StringValue, BinaryValue } = Object(given) as Record<string, unknown>;
  if (typeof DataType !== 'string' || DataType === '') {
    throw wrong(`${what} must contain a non-empty message attribute type.`);
  }
  if (!TYPE.test(DataType)) {
    throw wrong(
      `${what} has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  const value = isBinary(DataType) ? BinaryValue : StringValue;
  if (typeof value !== 'string' || value === '') {
    throw wrong(
      `Message (user) attribute '${name}' must contain a non-empty value of type '${isBinary(DataType) ? 'Binary' : 'String'}'.`,
    );
  }
  if (DataType.startsWith('Number') && !NUMBER.test(value)) {
    throw wrong(`Can't cast the value of message attribute '${name}' to a number.`);
  }
  if (!isBinary(DataType)) checkText(name, value);
  return { type: DataType, value };
}

/** What XML can say, and so what SQS takes. */
const TEXT = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;

/** @throws SqsError */
export function checkText(what: string, text: string): void {
  if (TEXT.test(text)) return;
  throw what === 'MessageBody'
    ? new SqsError(
        ERRORS.invalidMessageContents,
        'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF',
      )
    : invalidValue(what, '', 'Invalid characters found.');
}

/** Bytes, as SQS counts them against the largest message. */
export const sizeOfAttributes = (attributes: MessageAttributes): number =>
  [...attributes].reduce(
    (sum, [name, { type, value }]) =>
      sum +
      Buffer.byteLength(name) +
      Buffer.byteLength(type) +
      Buffer.byteLength(value, isBinary(type) ? 'base64' : 'utf8'),
    0,
  );

export const md5 = (text: string): string => hash('md5', text, 'hex');

const TEXT_VALUE = Buffer.of(1);
const BINARY_VALUE = Buffer.of(2);

/** As "Calculating the MD5 message digest for message attributes" of the SQS developer guide has it. */
export function md5OfAttributes(attributes: MessageAttributes): string | undefined {
  if (attributes.size === 0) return undefined;
  const digest = createHash('md5');
  const add = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    digest.update(length).update(bytes);
  };
  const names = [...attributes.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) {
    const { type, value } = attributes.get(name) as MessageAttribute;
    add(Buffer.from(name));
    add(Buffer.from(type));
    digest.update(isBinary(type) ? BINARY_VALUE : TEXT_VALUE);
    add(Buffer.from(value, isBinary(type) ? 'base64' : 'utf8'));
  }
  return digest.digest('hex');
}
