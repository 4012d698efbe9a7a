import { ERRORS, invalidValue, missing, SqsError } from '../sqs-error.js';
import type { Members } from './wire.js';

/** Bounds of a whole number, and how AWS words them. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly reason: string;
}

const INTEGER = /^[+-]?\d{1,15}$/;

/** Reads the parameters of an action. Numbers may come as texts: the Query protocol has nothing else. */
export class Fields {
  constructor(private readonly members: Members) {}

  /** @throws SqsError when it is not there, or empty */
  text(name: string): string {
    const text = this.optionalText(name);
    if (text === undefined || text === '') throw missing(name);
    return text;
  }

  optionalText(name: string): string | undefined {
    const value = this.members[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw notA('a string', name);
    return value;
  }

  integer(name: string, { min, max, reason }: Bounds): number | undefined {
    const value = this.members[name];
    if (value === undefined || value === null || value === '') return undefined;
    const isNumber = typeof value === 'number' || (typeof value === 'string' && INTEGER.test(value));
    if (!isNumber || !Number.isInteger(Number(value))) throw notA('an integer', name);
    const number = Number(value);
    if (number < min || number > max) throw invalidValue(name, number, reason);
    return number;
  }

  texts(name: string): readonly string[] {
    const value = this.members[name] ?? [];
    if (!Array.isArray(value) || value.some((one) => typeof one !== 'string'))
      throw notA('a list of strings', name);
    return value;
  }

  /** A map of texts, as pairs. */
  pairs(name: string): readonly (readonly [string, string])[] {
    const entries = Object.entries(this.map(name));
    if (entries.some(([, value]) => typeof value !== 'string')) throw notA('a map of strings', name);
    return entries as [string, string][];
  }

  map(name: string): Members {
    const value = this.members[name] ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) throw notA('a map', name);
    return value as Members;
  }

  /**
   * The entries of a batch.
   *
   * @param element what AWS calls one
   * @throws SqsError for too many or none, or for ids that are wrong or not distinct
   */
  entries(element: string): readonly Entry[] {
    const value = this.members.Entries ?? [];
    if (!Array.isArray(value)) throw notA('a list', 'Entries');
    if (value.length === 0) {
      throw new SqsError(ERRORS.emptyBatchRequest, `There should be at least one ${element} in the request.`);
    }
    if (value.length > MOST_ENTRIES) {
      throw new SqsError(
        ERRORS.tooManyEntriesInBatchRequest,
        `Maximum number of entries per request are ${MOST_ENTRIES}. You have sent ${value.length}.`,
      );
    }
    const entries = value.map((one) => {
      if (typeof one !== 'object' || one === null) throw notA('a list of structures', 'Entries');
      const fields = new Fields(one as Members);
      return { id: fields.optionalText('Id') ?? '', fields };
    });
    const seen = new Set<string>();
    for (const { id } of entries) {
      if (!ENTRY_ID.test(id)) {
        throw new SqsError(
          ERRORS.invalidBatchEntryId,
          'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
        );
      }
      if (seen.has(id)) throw new SqsError(ERRORS.batchEntryIdsNotDistinct, `Id ${id} repeated.`);
      seen.add(id);
    }
    return entries;
  }
}

/** One of a batch. */
export interface Entry {
  readonly id: string;
  readonly fields: Fields;
}

const MOST_ENTRIES = 10;
const ENTRY_ID = /^[A-Za-z0-9_-]{1,80}$/;

const notA = (what: string, name: string) =>
  new SqsError(ERRORS.serialization, `${name} is expected to be ${what}.`);
