/** The instance of Redis that a call belongs to is not the one that answered, or was not entered there: nothing ran. */
export class UnknownInstance extends Error {
  override readonly name = 'UnknownInstance';
}
