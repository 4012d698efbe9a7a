import { buffer } from 'node:stream/consumers';

/** The value of an argument, or all of stdin when the argument is `-` or missing. */
export async function inputOf(argument: string | undefined): Promise<string | Buffer> {
  return argument === undefined || argument === '-' ? buffer(process.stdin) : argument;
}
