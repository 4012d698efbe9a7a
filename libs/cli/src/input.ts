import { buffer } from 'node:stream/consumers';

/** What was given as an argument, or all of stdin when that is `-` or missing. */
export async function inputOf(argument: string | undefined): Promise<string | Buffer> {
  return argument === undefined || argument === '-' ? buffer(process.stdin) : argument;
}
