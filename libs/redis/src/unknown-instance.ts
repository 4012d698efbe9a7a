/** The call belongs to another Redis instance than the one that answered, or the instance was not entered: nothing ran. */
export class UnknownInstance extends Error {
  override readonly name = 'UnknownInstance';
}
