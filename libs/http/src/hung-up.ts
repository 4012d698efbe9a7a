/** Why a parked request ends without an answer: its caller went away. */
export class HungUp extends Error {
  override readonly name = 'HungUp';
}
