/** Why a parked request ends without an answer: its caller went away. */
export class ClientDisconnected extends Error {
  override readonly name = 'ClientDisconnected';
}
