/** Why a parked request ends without an answer: its caller went away. */
export class HungUp extends Error {
  override readonly name = 'HungUp';

  /** @param forGood true when the caller said so; else it may only have been cut off, and come back */
  constructor(readonly forGood = false) {
    super();
  }
}
