import { once } from 'node:events';
import zookeeper, { type Client } from 'node-zookeeper-client';
import type { Peer } from '../locker.js';

const { CreateMode, Exception } = zookeeper;
const ROOT = '/locks';
const CONNECT_MS = 5_000;
const MOST_ATTEMPTS = 6;

const codeOf = (error: unknown) => (error instanceof Exception ? error.getCode() : undefined);

/** The calls that a lock needs, as promises. */
class Session {
  constructor(private readonly client: Client) {}

  create(path: string, mode: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.client.create(path, mode, (error, created) => (error ? reject(error) : resolve(created)));
    });
  }

  children(path: string): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.client.getChildren(path, (error, children) => (error ? reject(error) : resolve(children)));
    });
  }

  remove(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.client.remove(path, -1, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resolves when there is no such node any more: at once, or when the watch tells. */
  gone(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.client.getData(
        path,
        () => resolve(),
        (error) => {
          if (codeOf(error) === Exception.NO_NODE) resolve();
          else if (error) reject(error);
        },
      );
    });
  }
}

/** A server that has just opened its port may leave a session unanswered for ever: then another one is opened. */
async function connect(address: string): Promise<Client> {
  for (let attempt = 1; ; attempt += 1) {
    const client = zookeeper.createClient(address);
    const connected = once(client, 'connected', { signal: AbortSignal.timeout(CONNECT_MS) });
    client.connect();
    try {
      await connected;
      return client;
    } catch (error) {
      client.close();
      if (attempt === MOST_ATTEMPTS) throw new Error('ZooKeeper opens no session.', { cause: error });
    }
  }
}

/**
 * The recipe of the ZooKeeper manual, as Curator's InterProcessMutex does it: an ephemeral node with a number; the lowest
 * number holds the lock, each other one watches the one before it. The name's parent is made when it is absent.
 */
export const zooKeeper: Peer = {
  name: 'ZooKeeper 3.8',
  open: async (stage) => {
    const { address } = await stage.service('zookeeper');
    // One session for the process: that is how Curator is to be used.
    const client = await connect(address);
    const session = new Session(client);
    const ensure = (path: string) =>
      session.create(path, CreateMode.PERSISTENT).catch((error: unknown) => {
        if (codeOf(error) !== Exception.NODE_EXISTS) throw error;
      });
    await ensure(ROOT);

    const enqueue = async (parent: string): Promise<string> => {
      try {
        return await session.create(`${parent}/lock-`, CreateMode.EPHEMERAL_SEQUENTIAL);
      } catch (error) {
        if (codeOf(error) !== Exception.NO_NODE) throw error;
      }
      await ensure(parent);
      return session.create(`${parent}/lock-`, CreateMode.EPHEMERAL_SEQUENTIAL);
    };

    return {
      lock: async (name) => {
        const parent = `${ROOT}/${name}`;
        const mine = await enqueue(parent);
        for (;;) {
          const queue = (await session.children(parent)).sort();
          const before = queue[queue.indexOf(mine.slice(parent.length + 1)) - 1];
          if (before === undefined) return () => session.remove(mine);
          await session.gone(`${parent}/${before}`);
        }
      },
      stop: () => client.close(),
    };
  },
};
