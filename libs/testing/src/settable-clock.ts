import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SOURCE = new URL('./settable-clock.c', import.meta.url).pathname;

/** A clock that a test can set, for a program that is started with {@link SettableClock.env}. Needs a C compiler. */
export class SettableClock {
  private constructor(
    private readonly file: string,
    readonly env: { readonly LD_PRELOAD: string; readonly CLOCK_FILE: string },
  ) {}

  /** @param folder for its files, which the caller removes */
  static async make(folder: string): Promise<SettableClock> {
    const library = join(folder, 'settable-clock.so');
    await promisify(execFile)('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE]).catch(
      (cause: unknown) => {
        throw new Error('A C compiler is needed to set the clock of Redis: apt-get install gcc', { cause });
      },
    );
    const file = join(folder, 'clock');
    await writeFile(file, bytesOf(0));
    return new SettableClock(file, { LD_PRELOAD: library, CLOCK_FILE: file });
  }

  /** @param aheadMs of the true time; negative: behind */
  set(aheadMs: number): Promise<void> {
    // Programs have mapped the file, so it is not to be another one.
    return writeFile(this.file, bytesOf(aheadMs), { flag: 'r+' });
  }
}

function bytesOf(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(ms));
  return bytes;
}
