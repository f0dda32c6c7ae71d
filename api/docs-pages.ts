/** The page at /docs: Swagger UI over our own OpenAPI document. */
export const API_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Registrar API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`

/** Starts Swagger UI; apart from the page, so that the page needs no inline script. */
export const API_SCRIPT = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
})
`

/** The page at /docs/temporal-ui: opens a codec session for the Temporal UI in the same browser. */
export const TEMPORAL_UI_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Registrar: payloads in the Temporal UI</title>
  </head>
  <body>
    <h1>Payloads in the Temporal UI</h1>
    <ol>
      <li>
        Get a token with the scope <code>codec:read</code>, for example:
        <code>npx registrar token --subject operator --scope codec:read</code>
      </li>
      <li>
        <form>
          <label>Token <input name="token" type="password" autocomplete="off" required /></label>
          <button>Open session</button>
          <output></output>
        </form>
      </li>
      <li>
        In the Temporal UI open the codec server&rsquo;s settings (the glasses at the top right),
        choose &ldquo;Use my browser setting&rdquo;, enter
        <code id="endpoint">/v1/codec</code> as the endpoint, switch on &ldquo;Include cross-origin
        credentials&rdquo;, and apply.
      </li>
    </ol>
    <p>The session ends with the browser, or when the token expires.</p>
    <script src="/docs/temporal-ui.js"></script>
  </body>
</html>
`

/** Sends the token once; the cookie that comes back is out of reach for scripts. */
export const TEMPORAL_UI_SCRIPT = `document.querySelector('#endpoint').textContent = location.origin + '/v1/codec'
const form = document.querySelector('form')
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const token = form.elements.token.value.trim()
  const headers = { Authorization: 'Bearer ' + token }
  const response = await fetch('/v1/codec/session', { method: 'POST', headers })
  const problem = response.ok ? undefined : await response.json()
  form.reset()
  form.querySelector('output').textContent = problem ? problem.detail : 'The session is open.'
})
`
