import { ValidationFailed } from '@syncline/contracts';

const TAG = String.raw`(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"`;
/** Empty members of a list are passed over: RFC 9110, 5.6.1. */
const LIST = new RegExp(String.raw`^[\s,]*${TAG}(?:\s*,[\s,]*${TAG})*[\s,]*$`);

/** @returns the entity tag of a version */
export const etagOf = (version: string): string => `"${version}"`;

/**
 * Reads an `If-Match` or `If-None-Match` header.
 *
 * @param strong compare strongly: a weak tag (`W/"..."`) matches nothing
 * @returns `''` without the header, `*`, or the versions that it names, between commas
 * @throws ValidationFailed when it is neither `*` nor a list of entity tags
 */
export function versionsIn(name: string, header: string | undefined, strong: boolean): string {
  if (header === undefined) return '';
  if (header.trim() === '*') return '*';
  if (!LIST.test(header)) {
    throw new ValidationFailed([{ path: name, message: 'expected * or entity tags in double quotes' }]);
  }
  const tags = header.match(new RegExp(TAG, 'g')) ?? [];
  const versions = tags
    .filter((tag) => !strong || !tag.startsWith('W/'))
    .map((tag) => tag.slice(tag.indexOf('"') + 1, -1))
    .filter((version) => /^\d+$/.test(version));
  // A condition whose tags are none of ours is still a condition: it matches no version.
  return versions.join(',') || '0';
}

/** True when a condition as of {@link versionsIn} names the version. */
export const names = (condition: string, version: string): boolean =>
  condition === '*' || condition.split(',').includes(version);
