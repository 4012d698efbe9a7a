import type { NewMessage, SentMessage } from '../redis/scripts/send.js';

/** Messages of one call of which some replace others: of those only the last is sent, and all have its outcome. */
export class Superseded {
  /** For each message, the one that is sent in its stead; null: each is sent. */
  private readonly sentAs: readonly NewMessage[] | null;

  constructor(private readonly messages: readonly NewMessage[]) {
    const last = new Map<string, NewMessage>();
    for (const one of messages) if (one.replaces) last.set(one.deduplication, one);
    this.sentAs = last.size === 0 ? null : messages.map((one) => last.get(one.deduplication) ?? one);
  }

  get sent(): readonly NewMessage[] {
    return this.sentAs === null ? this.messages : this.messages.filter((one, i) => this.sentAs?.[i] === one);
  }

  sentInStead(index: number): NewMessage | undefined {
    return (this.sentAs ?? this.messages)[index];
  }

  /** The first of those that were sent as one has made the message. @param outcomes of those that were sent */
  outcomesOfAll(outcomes: readonly SentMessage[]): readonly SentMessage[] {
    if (this.sentAs === null) return outcomes;
    const outcomeOf = new Map(this.sent.map((one, i) => [one, outcomes[i] as SentMessage]));
    const told = new Set<NewMessage>();
    return this.sentAs.map((one) => {
      const outcome = outcomeOf.get(one) as SentMessage;
      const isFirst = !told.has(one);
      told.add(one);
      return isFirst || 'retentionMs' in outcome ? outcome : { ...outcome, deduplicated: true };
    });
  }
}
