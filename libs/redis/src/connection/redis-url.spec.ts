import { InvalidRedisUrl, parseRedisUrl } from './redis-url.js';

const ONE = {
  form: 'one',
  addresses: [{ host: 'localhost', port: 6379 }],
  username: undefined,
  password: undefined,
  db: 0,
  tls: false,
  primaryName: '',
};

describe('REDIS_URL', () => {
  it.each([
    ['redis://localhost', ONE],
    ['redis://localhost:6380/3', { ...ONE, addresses: [{ host: 'localhost', port: 6380 }], db: 3 }],
    ['rediss://localhost', { ...ONE, tls: true }],
    ['redis://:s%40cret@localhost', { ...ONE, password: 's@cret' }],
    [
      'redis://app:s%2Fcret@[::1]:7000',
      { ...ONE, addresses: [{ host: '::1', port: 7000 }], username: 'app', password: 's/cret' },
    ],
  ])('names one Redis: %s', (text, target) => {
    expect(parseRedisUrl(text)).toEqual(target);
  });

  it.each(['redis://app:pw@a:7000,redis://b:7001', 'redis://app:pw@a:7000,redis://app:pw@b:7001'])(
    'names nodes of a Redis Cluster: %s',
    (text) => {
      expect(parseRedisUrl(text)).toEqual({
        ...ONE,
        form: 'cluster',
        addresses: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 7001 },
        ],
        username: 'app',
        password: 'pw',
      });
    },
  );

  it.each([
    ['redis-sentinel://a,b:26380#mymaster', { tls: false, db: 0, username: undefined, password: undefined }],
    [
      'redis-sentinel://a,b:26380/2#mymaster',
      { tls: false, db: 2, username: undefined, password: undefined },
    ],
    ['rediss-sentinel://u:p%40w@a,b:26380/0#mymaster', { tls: true, db: 0, username: 'u', password: 'p@w' }],
    [
      'redis-sentinels://:p%40w@a,b:26380#mymaster',
      { tls: true, db: 0, username: undefined, password: 'p@w' },
    ],
  ])('names sentinels, in the form of Lettuce: %s', (text, rest) => {
    expect(parseRedisUrl(text)).toEqual({
      ...ONE,
      form: 'sentinel',
      addresses: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26380 },
      ],
      primaryName: 'mymaster',
      ...rest,
    });
  });

  it.each([
    ['', 'no URL'],
    ['localhost:6379', 'no URL'],
    ['redis://', 'no URL'],
    ['http://localhost:6379', 'http:// is no scheme'],
    ['redis://localhost:99999', 'no URL'],
    ['redis://localhost/queue', 'no number of a database'],
    ['redis://localhost?db=3', 'query'],
    ['redis://us%er:pw@localhost', 'percent-encoded'],
    ['redis://a:7000,rediss://b:7001', 'rediss://'],
    ['redis://a:7000/1,redis://b:7001', 'database 0'],
    ['redis://:one@a:7000,redis://:two@b:7001', 'one user and password'],
    ['redis-sentinel://a:26379', '#mymaster'],
    ['redis-sentinel://#mymaster', 'no URL'],
    ['redis-sentinel://a:x#mymaster', 'no URL'],
  ])('of no known form says which there are: %s', (text, why) => {
    expect(() => parseRedisUrl(text)).toThrow(InvalidRedisUrl);
    expect(() => parseRedisUrl(text)).toThrow(why);
    expect(() => parseRedisUrl(text)).toThrow('redis-sentinel://HOST:26379');
  });

  it('never repeats a password', () => {
    for (const text of [
      'http://u:s3cret-pw@localhost',
      'redis://u:s3cret-pw@localhost/x',
      'redis-sentinel://u:s3cret-pw@a',
    ]) {
      try {
        parseRedisUrl(text);
        throw new Error('It was taken.');
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidRedisUrl);
        expect(String(error)).not.toContain('s3cret-pw');
      }
    }
  });
});
