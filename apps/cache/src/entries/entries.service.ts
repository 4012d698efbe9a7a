import { Injectable } from '@nestjs/common';
import { EntryNotFound, EntryTooLarge, VersionMismatch } from './entries.errors.js';
import { EntriesStore } from './entries.store.js';
import type { Conditions, Entry, Put, Written } from './entry.js';
import type { WriteResult } from './scripts/entry.scripts.js';

const MAX_KNOWN_NAMES = 10_000;

/** Reads and writes single entries. */
@Injectable()
export class EntriesService {
  /** Names that this node has made known. Bounded: a forgotten one is made known again. */
  private readonly knownNames = new Set<string>();

  constructor(private readonly store: EntriesStore) {}

  /** @throws EntryNotFound */
  async get(cache: string, key: string): Promise<Entry> {
    const entry = await this.store.read(cache, key);
    if (entry === null) throw new EntryNotFound();
    return entry;
  }

  /**
   * @throws VersionMismatch when a condition is not met
   * @throws EntryTooLarge
   */
  async put(cache: string, key: string, entry: Put, conditions: Conditions): Promise<Written> {
    if (!this.knownNames.has(cache)) await this.makeKnown(cache);
    const result = refuse(await this.store.put(cache, key, entry, conditions));
    if (result.outcome !== 'written') throw new Error(`A put came to ${result.outcome}`);
    return result;
  }

  /** @throws VersionMismatch when the condition is not met */
  async delete(cache: string, key: string, ifMatch: string): Promise<void> {
    refuse(await this.store.delete(cache, key, ifMatch));
  }

  private async makeKnown(cache: string): Promise<void> {
    await this.store.addName(cache);
    if (this.knownNames.size >= MAX_KNOWN_NAMES) this.knownNames.clear();
    this.knownNames.add(cache);
  }
}

/** @throws Problem when the write was refused */
function refuse(result: WriteResult): WriteResult {
  if (result.outcome === 'mismatch') throw new VersionMismatch();
  if (result.outcome === 'too-large') throw new EntryTooLarge(result.limit);
  return result;
}
