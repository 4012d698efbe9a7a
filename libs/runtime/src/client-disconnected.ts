/** A request ends without an answer, because its client disconnected. */
export class ClientDisconnected extends Error {
  override readonly name = 'ClientDisconnected';
}
