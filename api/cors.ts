import type { Context } from 'koa'

/** Carries the token of an operator's session in the Temporal UI. */
export const SESSION_COOKIE = 'registrar_codec'

const MAX_AGE_SECONDS = 600

/** Lets one origin, and no other, call with credentials: that of the configured Temporal UI. */
export function applyCors(ctx: Context, uiUrl: string | undefined): void {
  ctx.vary('Origin')
  if (!isAllowedOrigin(ctx.get('Origin'), uiUrl)) return
  ctx.set('Access-Control-Allow-Origin', ctx.get('Origin'))
  ctx.set('Access-Control-Allow-Credentials', 'true')
  if (ctx.method !== 'OPTIONS') return
  ctx.set('Access-Control-Allow-Methods', 'POST')
  ctx.set(
    'Access-Control-Allow-Headers',
    'authorization, authorization-extras, content-type, x-namespace',
  )
  ctx.set('Access-Control-Max-Age', String(MAX_AGE_SECONDS))
}

/** True for the origin of the configured UI, compared exactly. */
export function isAllowedOrigin(origin: string | undefined, uiUrl: string | undefined): boolean {
  return uiUrl !== undefined && origin === new URL(uiUrl).origin
}
