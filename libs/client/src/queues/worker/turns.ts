/** How many free places of a worker one of its queues may fill now. */
export interface Deal {
  /** Which queue. */
  readonly index: number;
  readonly places: number;
}

/** Deals the free places of a worker among its queues like cards, so that each is asked as often as the others. */
export class Turns {
  private next = 0;

  constructor(private readonly queues: number) {}

  /** @param most how many queues to ask at most */
  deal(places: number, most: number): Deal[] {
    const asked = Math.min(places, most);
    const deals = Array.from({ length: asked }, (_, i) => ({
      index: (this.next + i) % this.queues,
      places: Math.floor(places / asked) + (i < places % asked ? 1 : 0),
    }));
    this.next = (this.next + (asked < this.queues ? asked : places)) % this.queues;
    return deals;
  }
}
