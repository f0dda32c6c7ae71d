import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import type { ResponseDoc, Route } from './guard.ts'

type Spec = Route['spec']
type Json = Readonly<Record<string, unknown>>

const TEXT = { schema: { type: 'string' } }
const REQUEST_ID = { 'X-Request-Id': { ...TEXT, description: 'Names the request in logs' } }
const ERROR_HEADERS: Readonly<Record<number, Json>> = {
  401: { 'WWW-Authenticate': TEXT },
  403: { 'WWW-Authenticate': TEXT },
  405: { Allow: TEXT },
  429: { 'Retry-After': TEXT },
  503: { 'Retry-After': TEXT },
}
const EXAMPLE_CODES: Readonly<Record<number, string>> = {
  400: 'malformed_json',
  401: 'invalid_token',
  403: 'insufficient_scope',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  409: 'conflict',
  412: 'precondition_failed',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  422: 'invalid_body',
  428: 'precondition_required',
  429: 'rate_limited',
  431: 'header_too_large',
  500: 'internal_error',
  503: 'database_unavailable',
}

/** All that an operation can answer: its own responses, its refusals and those of the guard. */
export function describeResponses(spec: Spec): Json {
  const errors = { ...listGuardErrors(spec), ...spec.errors }
  const refusals = Object.entries(errors).map(([status, when]) => [
    status,
    describeError(Number(status), when),
  ])
  const answers = Object.entries(spec.responses).map(([status, doc]) => [
    status,
    describeAnswer(doc, Number(status)),
  ])
  return { ...Object.fromEntries(refusals), ...Object.fromEntries(answers) } as Json // both are pairs
}

/** The statuses with which the guard refuses a request before its handler runs, and why. */
export function listGuardErrors(spec: Spec): Record<number, string> {
  return {
    400: 'The request is malformed, or a query parameter is wrong',
    405: 'The path does not take this method',
    431: 'The head of the request is too large',
    500: 'Something went wrong here',
    503: 'A part that this needs cannot be reached now',
    ...listAuthErrors(spec),
    ...(spec.params ? { 404: 'There is nothing under this path' } : {}),
    ...(spec.body ? BODY_ERRORS : {}),
    ...(spec.body?.kind === 'json' ? { 422: 'Fields break a rule' } : {}),
    ...(spec.idempotent ? IDEMPOTENCY_ERRORS : {}),
  }
}

function listAuthErrors({ auth }: Spec): Record<number, string> {
  if (auth === 'public') return {}
  return auth === 'token-hook' ? HOOK_ERRORS : TOKEN_ERRORS
}

const TOKEN_ERRORS = {
  401: 'The access token is missing or not acceptable',
  403: 'The access token lacks a scope',
  429: 'Too many requests; or too many with refused tokens from this address',
}
const HOOK_ERRORS = {
  401: 'The shared secret is missing or not the right one',
  429: 'Too many wrong secrets from this address',
}
const BODY_ERRORS = {
  408: 'The body stood still for too long',
  413: 'The body is too large',
  415: 'The content type is not taken',
}
const IDEMPOTENCY_ERRORS = {
  409: 'The first request with this Idempotency-Key still runs',
  422: 'Fields break a rule, or the Idempotency-Key belongs to other content',
}

function describeError(status: number, description: string): Json {
  const example = {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail: description,
    instance: '/v1/example',
    code: EXAMPLE_CODES[status] ?? 'error',
    requestId: '4f9d2c1e',
  }
  const schema = { $ref: '#/components/schemas/Problem' }
  return {
    description,
    headers: { ...REQUEST_ID, ...ERROR_HEADERS[status] },
    content: { 'application/problem+json': { schema, example } },
  }
}

function describeAnswer(doc: ResponseDoc, status: number): Json {
  const headers = Object.entries(doc.headers ?? {}).map(([name, description]) => [
    name,
    { ...TEXT, description },
  ])
  const fallback = status >= 400 ? 'application/problem+json' : 'application/json'
  const content = describeContent(doc)
  return {
    description: doc.description,
    headers: { ...REQUEST_ID, ...Object.fromEntries(headers) },
    ...(content ? { content: { [doc.contentType ?? fallback]: content } } : {}),
  }
}

function describeContent(doc: ResponseDoc): Json | undefined {
  const example = doc.example === undefined ? {} : { example: doc.example }
  if (doc.schema) {
    const { $schema: _, ...schema } = z.toJSONSchema(doc.schema, {
      io: 'output',
      unrepresentable: 'any',
    })
    return { schema, ...example }
  }
  if (doc.contentType === 'text/event-stream') return example // a schema would be one event's
  return doc.contentType === undefined ? undefined : { ...TEXT, ...example }
}
