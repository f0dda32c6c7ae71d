import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { API_PAGE, API_SCRIPT, TEMPORAL_UI_PAGE, TEMPORAL_UI_SCRIPT } from '../docs-pages.ts'
import { defineRoute, type Reply, type Route } from '../guard.ts'

const SWAGGER_DIR = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
const SCRIPT = 'text/javascript; charset=utf-8'

type Asset = { readonly contentType: string; readonly load: () => Promise<Buffer | string> }

const ASSETS = {
  'swagger-ui.css': createFileAsset('swagger-ui.css', 'text/css; charset=utf-8'),
  'swagger-ui-bundle.js': createFileAsset('swagger-ui-bundle.js', SCRIPT),
  'favicon-32x32.png': createFileAsset('favicon-32x32.png', 'image/png'),
  'start.js': createTextAsset(API_SCRIPT),
  'temporal-ui.js': createTextAsset(TEMPORAL_UI_SCRIPT),
} as const satisfies Readonly<Record<string, Asset>>

// Swagger UI sets styles inline; scripts come from us alone.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** `GET /docs`: the OpenAPI document for people, from files of our own. */
export const getDocs = definePage({
  path: '/docs',
  operationId: 'getDocs',
  summary: 'This description as a page',
  page: API_PAGE,
})

/** `GET /docs/temporal-ui`: how an operator sees decoded payloads, and the form that lets them. */
export const getTemporalUiPage = definePage({
  path: '/docs/temporal-ui',
  operationId: 'getTemporalUiPage',
  summary: 'Opens a session for payloads in the Temporal UI',
  page: TEMPORAL_UI_PAGE,
})

/** `GET /docs/{asset}`: what the pages are made of. */
export const getDocsAsset = defineRoute(
  {
    method: 'GET',
    path: '/docs/{asset}',
    operationId: 'getDocsAsset',
    summary: 'A part of the pages below /docs',
    tags: ['operation'],
    auth: 'public',
    rateLimited: false,
    params: z.object({
      asset: z.enum([
        'swagger-ui.css',
        'swagger-ui-bundle.js',
        'favicon-32x32.png',
        'start.js',
        'temporal-ui.js',
      ]),
    }),
    responses: { 200: { description: 'The part', contentType: '*/*' } },
  },
  async ({ params }) => {
    const { contentType, load } = ASSETS[params.asset]
    return createAnswer(contentType, await load(), 'public, max-age=3600')
  },
)

type Page = Record<'path' | 'operationId' | 'summary' | 'page', string>

function definePage({ page, ...names }: Page): Route {
  return defineRoute(
    {
      ...names,
      method: 'GET',
      tags: ['operation'],
      auth: 'public',
      rateLimited: false,
      responses: { 200: { description: 'A page', contentType: 'text/html' } },
    },
    async () => await Promise.resolve(createAnswer('text/html; charset=utf-8', page, 'no-cache')),
  )
}

function createAnswer(contentType: string, body: Buffer | string, caching: string): Reply {
  return {
    status: 200,
    headers: {
      'Content-Type': contentType,
      'Content-Security-Policy': CONTENT_SECURITY_POLICY,
      'Cache-Control': caching,
    },
    body,
  }
}

function createFileAsset(name: string, contentType: string): Asset {
  return { contentType, load: async () => await readFile(join(SWAGGER_DIR, name)) }
}

function createTextAsset(text: string): Asset {
  return { contentType: SCRIPT, load: async () => await Promise.resolve(text) }
}
