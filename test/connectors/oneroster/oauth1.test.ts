import {
  createOauth1Header,
  createSignatureBase,
  signOauth1,
} from '../../../connectors/oneroster/oauth1.ts'

// RFC 5849 §3.4.1.1, the parameters of its header and of its form.
test('createSignatureBase() gives the example of RFC 5849', () => {
  const base = createSignatureBase({
    method: 'POST',
    url: 'http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b',
    parameters: [
      ['oauth_consumer_key', '9djdj82h48djs9d2'],
      ['oauth_token', 'kkk9d7dh3k39sjv7'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131201'],
      ['oauth_nonce', '7d8f3e4a'],
      ['c2', ''],
      ['a3', '2 q'],
    ],
  })
  expect(base).toBe(
    'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
  )
})

// RFC 5849 §1.2
test('signOauth1() gives the signature of the example of RFC 5849', () => {
  const base = createSignatureBase({
    method: 'GET',
    url: 'http://photos.example.net/photos?file=vacation.jpg&size=original',
    parameters: [
      ['oauth_consumer_key', 'dpf43f3p2l4k3l03'],
      ['oauth_token', 'nnch734d00sl2jdk'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131202'],
      ['oauth_nonce', 'chapoH'],
    ],
  })
  const secrets = { consumerSecret: 'kd94hf93k423kf44', tokenSecret: 'pfkkdhi9sl3r4s00' }
  expect(signOauth1(base, { ...secrets, signatureMethod: 'HMAC-SHA1' })).toBe(
    'MdpQcU8iPSUjWoN/UDMsK2sui9I=',
  )
})

test('createOauth1Header() signs every parameter of the query with SHA-256', () => {
  const consumer = {
    consumerKey: 'a key',
    consumerSecret: 'a secret',
    signatureMethod: 'HMAC-SHA256',
  } as const
  const request = { nonce: 'n', timestampSeconds: 1_700_000_000 }
  const sign = (query: string): string =>
    createOauth1Header(consumer, { url: `https://sis.example/users?${query}`, ...request })
  expect(sign('limit=1')).toMatch(
    /^OAuth oauth_consumer_key="a%20key", oauth_nonce="n", oauth_signature_method="HMAC-SHA256", oauth_timestamp="1700000000", oauth_version="1\.0", oauth_signature="[^"]+"$/,
  )
  expect(sign('limit=1')).not.toBe(sign('limit=2'))
  // As oauthlib 3 signs it.
  expect(sign('limit=100&filter=dateLastModified%3E%272026-01-01T00%3A00%3A00.000Z%27')).toContain(
    'oauth_signature="6PWL14YOoE3x60CBewTlVhI%2BnKi165EbK9KzRWLytTM%3D"',
  )
})
