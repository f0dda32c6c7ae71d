import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { loadConfig, type Config } from '../../config/config.ts'
import type { Env } from '../../config/env.ts'
import { isAppError } from '../../core/errors.ts'
import { defaultCompacts } from '../../core/license/compacts.ts'
import { generateKeyRingDocument } from '../../crypto/key-ring.ts'

const ISSUER = { issuer: 'https://id.example.org', audience: 'registrar' }

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-config-'))
})
afterAll(async () => await rm(directory, { recursive: true }))

test('loadConfig() has a default for everything', () => {
  const config = loadConfig({})
  expect(config).toMatchObject({
    http: { host: '127.0.0.1', port: 8080, rateLimitPerSecond: 100, trustedProxies: [] },
    dataDir: resolve('.data'),
    databaseUrl: undefined,
    temporal: { address: undefined, namespace: 'default', connection: {} },
    blob: { kind: 'file', directory: resolve('.data/blobs') },
    keyRing: undefined,
    issuers: [],
    uploads: { maxBytes: 1_073_741_824, formTtlSeconds: 3600 },
    log: { level: 'info' },
    production: false,
  })
  expect(config.compacts).toBe(defaultCompacts)
})

test('loadConfig() takes an empty value for an absent one', () => {
  expect(
    loadConfig({ PORT: '', DATABASE_URL: ' ', KEY_RING: '', REGISTRAR_SOMETHING: '' }),
  ).toEqual(loadConfig({}))
})

test.each<[Env, (config: Config) => unknown, unknown]>([
  [{ PORT: '9090' }, (config) => config.http.port, 9090],
  [{ HOST: '::1' }, (config) => config.http.host, '::1'],
  [{ DATA_DIR: '/srv/registrar' }, (config) => config.dataDir, '/srv/registrar'],
  [{ DATABASE_URL: 'postgres://h/d' }, (config) => config.databaseUrl, 'postgres://h/d'],
  [{ TEMPORAL_ADDRESS: '[::1]:7233' }, (config) => config.temporal.address, '[::1]:7233'],
  [{ TEMPORAL_NAMESPACE: 'boards' }, (config) => config.temporal.namespace, 'boards'],
  [{ TEMPORAL_CLI_PATH: process.execPath }, (config) => config.temporal.cliPath, process.execPath],
  [{ TEMPORAL_TLS: 'false' }, (config) => config.temporal.connection.tls, false],
  [{ TEMPORAL_API_KEY: 'k' }, (config) => config.temporal.connection, { apiKey: 'k', tls: true }],
  [{ MAX_UPLOAD_BYTES: '5' }, (config) => config.uploads.maxBytes, 5],
  [{ RATE_LIMIT_PER_SECOND: '0' }, (config) => config.http.rateLimitPerSecond, 0],
  [{ ALLOW_PRIVATE_TARGETS: 'true' }, (config) => config.http.allowPrivateTargets, true],
  [{ LOG_LEVEL: 'debug' }, (config) => config.log.level, 'debug'],
  [{ NODE_ENV: 'production' }, (config) => config.production, true],
  [{ BLOB_URL: 'file:///srv/b' }, (config) => config.blob, { kind: 'file', directory: '/srv/b' }],
  [
    { TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1,::1' },
    (config) => config.http.trustedProxies,
    ['10.0.0.0/8', '192.0.2.1/32', '::1/128'],
  ],
])('loadConfig() reads %j', (env, pick, expected) => {
  expect(pick(loadConfig(env))).toEqual(expected)
})

test.each([
  ['PORT', '65536'],
  ['PORT', 'http'],
  ['PORT', '-1'],
  ['PORT', '80.5'],
  ['HOST', 'a host'],
  ['HOST', '999.1.1.1'],
  ['HOST', '10.0.1'],
  ['DATABASE_URL', 'mysql://localhost/x'],
  ['DATABASE_URL', 'localhost'],
  ['DATABASE_URL_FILE', '/nowhere/database_url'],
  ['TEMPORAL_ADDRESS', 'http://localhost:7233'],
  ['TEMPORAL_ADDRESS', 'localhost'],
  ['TEMPORAL_ADDRESS', 'localhost:0'],
  ['TEMPORAL_NAMESPACE', 'a b'],
  ['TEMPORAL_CLI_PATH', '/nowhere/temporal'],
  ['TEMPORAL_CLI_PATH', '/'],
  ['TEMPORAL_TLS', 'perhaps'],
  ['TEMPORAL_TLS', 'yes'],
  ['TEMPORAL_TLS_CLIENT_CERT_DATA', 'x'],
  ['TEMPORAL_UI_URL', 'localhost:8233'],
  ['BLOB_URL', 's3://Bucket_Name'],
  ['BLOB_URL', 'ftp://bucket'],
  ['BLOB_URL', 's3://bucket/prefix?pathStyle=maybe'],
  ['BLOB_URL', 's3://bucket/prefix?regoin=eu'],
  ['BLOB_URL', 'file:'],
  ['TEMPORAL_API_KEY', 'two\nlines'],
  ['TEMPORAL_API_KEY', 'ключ'],
  ['KEY_RING', '{"current":"a","keys":{}}'],
  ['KEY_RING', '{"current":"a","keys":{"a":"c2hvcnQ="}}'],
  ['KEY_RING', 'secret'],
  ['KEY_RING_FILE', '/nowhere/ring.json'],
  ['AUTH_ISSUERS', '[]'],
  ['AUTH_ISSUERS', '{}'],
  ['AUTH_ISSUERS', JSON.stringify([{ ...ISSUER, audience: '' }])],
  ['AUTH_ISSUERS', JSON.stringify([{ ...ISSUER, issuer: 'id.example.org' }])],
  ['AUTH_ISSUERS', JSON.stringify([{ ...ISSUER, algorithms: ['HS256'] }])],
  ['AUTH_ISSUERS', JSON.stringify([{ ...ISSUER, algorithms: ['none'] }])],
  ['AUTH_ISSUERS', JSON.stringify([{ ...ISSUER, jwksUrl: 'https://id.example.org/keys' }])],
  ['AUTH_ISSUERS_FILE', '/nowhere/issuers.json'],
  ['VAULT_URL', 'vault:8200'],
  ['VAULT_URL', 'https://vault:8200'],
  ['VAULT_ROLE_ID', 'role'],
  ['VAULT_MOUNT', 'a b'],
  ['MAX_UPLOAD_BYTES', '0'],
  ['MAX_UPLOAD_BYTES', '1e9'],
  ['UPLOAD_FORM_TTL_SECONDS', 'an hour'],
  ['PUBLISHERS_FILE', '/nowhere/publishers.json'],
  ['SINKS_FILE', '/nowhere/sinks.json'],
  ['SOURCES_FILE', '/nowhere/sources.json'],
  ['COMPACTS_FILE', '/nowhere/compacts.json'],
  ['ALLOW_PRIVATE_TARGETS', 'maybe'],
  ['RATE_LIMIT_PER_SECOND', '-1'],
  ['TRUSTED_PROXIES', '10.0.0.0/33'],
  ['TRUSTED_PROXIES', 'proxy.example.org'],
  ['ALLOW_DELETE', 'sure'],
  ['LEGACY_NOT_FOUND', '2'],
  ['DEFAULT_SYNC_INTERVAL', '0'],
  ['MAX_RETRY_ATTEMPTS', 'many'],
  ['BATCH_SIZE', '0'],
  ['LOG_LEVEL', 'verbose'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['REGISTRAR_API', 'localhost'],
  ['REGISTRAR_PROT', '8080'],
])('loadConfig() refuses %s=%s', (name, value) => {
  expect(listFaultyVariables({ [name]: value })).toEqual([name])
})

test.each([
  ['DATA_DIR', ''],
  ['DATA_DIR', '/below'],
  ['BLOB_URL', ''],
  ['BLOB_URL', '/below'],
])('loadConfig() refuses a file in the place of a directory: %s…%s', async (name, below) => {
  const path = join(directory, 'file')
  await writeFile(path, '')
  const value = name === 'BLOB_URL' ? `file:${path}${below}` : `${path}${below}`
  expect(listFaultyVariables({ [name]: value })).toEqual([name])
  const absent = value.replace(path, join(directory, 'absent'))
  expect(() => loadConfig({ [name]: absent })).not.toThrow()
})

test('loadConfig() refuses a path in BLOB_URL that cannot be decoded', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
  expect(listFaultyVariables({ ...keys, BLOB_URL: 's3://bucket/%zz' })).toEqual(['BLOB_URL'])
})

test('loadConfig() lists all faults at once, in variables, between them and in files', async () => {
  const sinks = await write('sinks.json', [
    { name: 'a', kind: 'ldap' },
    { name: 'a', kind: 'fax' },
  ])
  const faulty = listFaultyVariables({
    PORT: 'x',
    LOG_LEVEL: 'x',
    SINKS_FILE: sinks,
    BLOB_URL: 's3://bucket',
    REGISTRAR_UNKNOWN: '1',
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(directory, 'absent.pem'),
  })
  expect(faulty.toSorted()).toEqual(
    ['PORT', 'LOG_LEVEL', 'SINKS_FILE', 'BLOB_URL', 'REGISTRAR_UNKNOWN', 'TEMPORAL_TLS'].toSorted(),
  )
})

test('loadConfig() never repeats a secret', () => {
  const canary = 'canary-8c1f'
  const message = getMessage({
    DATABASE_URL: `mysql://user:${canary}@host/db`,
    KEY_RING: `{"current":"a","keys":{"a":"${canary}"}}`,
    AUTH_ISSUERS: canary,
    BLOB_URL: `s3://${canary}@host`,
    VAULT_URL: `tcp://${canary}`,
  })
  expect(message).toContain('KEY_RING')
  expect(message).not.toContain(canary)
})

test('loadConfig() reads the database URL, the key ring, the issuers and the compacts from files', async () => {
  const ring = generateKeyRingDocument()
  const config = loadConfig({
    DATABASE_URL_FILE: await writeText('database_url', 'postgres://h/d\n'),
    KEY_RING_FILE: await write('ring.json', ring),
    AUTH_ISSUERS_FILE: await write('issuers.json', [
      { ...ISSUER, algorithms: ['ES256'], claims: { scope: 'scp' } },
    ]),
    COMPACTS_FILE: await write('compacts.json', {
      coun: {
        name: 'Counseling',
        licenseTypes: [{ name: 'licensed professional counselor', abbreviation: 'lpc' }],
      },
    }),
  })
  expect(config.keyRing).toEqual(ring)
  expect(config.databaseUrl).toBe('postgres://h/d')
  expect(config.compacts).toEqual(defaultCompacts.slice(2))
  expect(config.issuers).toEqual([
    {
      ...ISSUER,
      algorithms: ['ES256'],
      claims: { scope: 'scp', tenant: 'tenant', publisher: 'publisher', subject: 'sub' },
    },
  ])
})

test('loadConfig() refuses a value and its file together', async () => {
  const ring = generateKeyRingDocument()
  const env = { KEY_RING: JSON.stringify(ring), KEY_RING_FILE: await write('other.json', ring) }
  expect(listFaultyVariables(env)).toEqual(['KEY_RING'])
})

test('loadConfig() reads a bucket with its credentials', () => {
  const config = loadConfig({
    BLOB_URL: 's3://uploads/boards/?endpoint=http://127.0.0.1:8333&region=eu-west-1&pathStyle=true',
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'key',
  })
  expect(config.blob).toEqual({
    kind: 's3',
    bucket: 'uploads',
    prefix: 'boards',
    endpoint: 'http://127.0.0.1:8333',
    region: 'eu-west-1',
    pathStyle: true,
    accessKeyId: 'id',
    secretAccessKey: 'key',
  })
})

async function write(name: string, content: unknown): Promise<string> {
  return await writeText(name, JSON.stringify(content))
}

async function writeText(name: string, content: string): Promise<string> {
  const file = join(directory, name)
  await writeFile(file, content)
  return file
}

function listFaultyVariables(env: Env): string[] {
  const { details } = getError(env)
  const faults = details['faults'] as { variable: string }[] // as documented
  return [...new Set(faults.map((fault) => fault.variable))]
}

function getMessage(env: Env): string {
  return getError(env).message
}

function getError(env: Env): { message: string; details: Readonly<Record<string, unknown>> } {
  try {
    loadConfig(env)
  } catch (error) {
    if (isAppError(error, 'invalid_configuration')) return error
    throw error
  }
  throw new Error('loadConfig() refused nothing')
}
