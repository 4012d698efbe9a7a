import type { Where } from '@syncline/contracts';
import type { BrowsedMessage } from '../redis/scripts/browse.js';

/** What JSON writes in another way than it is. */
const ESCAPED = /["\\\p{Cc}]/u;

/**
 * Which messages fit. Redis looks for texts in the records as they are stored, which passes over most of the others and
 * misses none; what it finds is judged here.
 */
export class Filter {
  /** Texts that are in the record of each message that fits. */
  readonly texts: readonly string[];
  /** One that is in its record or in its attempts; empty: any. */
  readonly attemptText: string;

  /** @param deadOf only dead letters of this queue */
  constructor(
    private readonly where: Where,
    private readonly deadOf: string | null = null,
  ) {
    const { groupId = '', header = {}, body = '', reason = '' } = where;
    const asJson = [...Object.entries(header).flat(), body, deadOf ?? ''];
    this.texts = [groupId, ...asJson.map(longestAsItIs)].filter((text) => text !== '');
    this.attemptText = longestAsItIs(reason);
  }

  fits({ id, content, attempts }: BrowsedMessage): boolean {
    const { where, deadOf } = this;
    const { deadLetter = null } = content.extra ?? {};
    return (
      (deadOf === null || deadLetter?.queue === deadOf) &&
      (where.id === undefined || id === where.id.toLowerCase()) &&
      (where.groupId === undefined || content.groupId === where.groupId) &&
      Object.entries(where.header ?? {}).every(
        ([name, value]) => headerOf(content.headers, name) === value,
      ) &&
      (where.body === undefined || textOf(content.body).includes(where.body)) &&
      (where.reason === undefined ||
        [...(deadLetter?.attempts ?? []), ...attempts].at(-1)?.reason?.includes(where.reason) === true)
    );
  }
}

const headerOf = (headers: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(headers, name) ? headers[name] : undefined;

/** @param json the body as it is stored */
function textOf(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

/** The longest part of a text that stands in JSON as it is. */
const longestAsItIs = (text: string): string =>
  text.split(ESCAPED).reduce((longest, part) => (part.length > longest.length ? part : longest), '');
