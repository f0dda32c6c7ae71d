import { assertSuccess, findRetryAfter, parseJson } from '../../../connectors/http/answer.ts'
import type { HttpAnswer } from '../../../connectors/http/exchange.ts'

const NOW = new Date('2026-01-01T00:00:00Z')

function createAnswer(status: number, headers: HttpAnswer['headers'] = {}, body = ''): HttpAnswer {
  return { status, headers, body: Buffer.from(body) }
}

test.each([
  [301, 502],
  [400, 400],
  [401, 401],
  [404, 404],
  [408, 503],
  [410, 410],
  [425, 503],
  [429, 429],
  [500, 502],
  [503, 503],
  [504, 502],
])('assertSuccess() turns %i into %i', (status, own) => {
  expect(() => assertSuccess(createAnswer(status), 'reach the sink')).toThrow(
    expect.objectContaining({ code: `http_${status}`, status: own }),
  )
})

test('assertSuccess() takes 2xx', () => {
  expect(() => assertSuccess(createAnswer(200), 'reach the sink')).not.toThrow()
  expect(() => assertSuccess(createAnswer(204), 'reach the sink')).not.toThrow()
})

test('assertSuccess() keeps Retry-After and quotes nothing of the body', () => {
  const answer = createAnswer(429, { 'retry-after': '7' }, 'hunter2')
  expect(() => assertSuccess(answer, 'reach the sink')).toThrow(
    expect.objectContaining({
      retryAfterSeconds: 7,
      message: 'Cannot reach the sink: it was answered with 429',
    }),
  )
})

test.each([
  ['5', 5],
  ['0', 0],
  ['Thu, 01 Jan 2026 00:01:30 GMT', 90],
  ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
  ['99999999', 86_400],
  ['soon', undefined],
  ['-5', undefined],
])('findRetryAfter() reads "%s" as %s', (text, seconds) => {
  expect(findRetryAfter(createAnswer(429, { 'retry-after': text }), NOW)).toBe(seconds)
})

test('findRetryAfter() finds none where there is none', () => {
  expect(findRetryAfter(createAnswer(429), NOW)).toBeUndefined()
})

test.each(['application/json', 'application/json; charset=utf-8', 'application/scim+json'])(
  'parseJson() takes %s',
  (type) => {
    const answer = createAnswer(200, { 'content-type': type }, '{"a":1}')
    expect(parseJson(answer, 'read persons')).toEqual({ a: 1 })
  },
)

test.each([
  ['text/html', '{"a":1}'],
  ['application/jsonp', '{"a":1}'],
  ['application/json', '<html>'],
  ['', '{"a":1}'],
])('parseJson() refuses %s with %s', (type, body) => {
  const answer = createAnswer(200, { 'content-type': type }, body)
  expect(() => parseJson(answer, 'read persons')).toThrow(
    expect.objectContaining({ code: 'invalid_answer', status: 502 }),
  )
})
