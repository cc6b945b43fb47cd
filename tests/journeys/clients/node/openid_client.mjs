// openid-client: discovery, the client credentials grant by Basic and by form, introspection, revocation, a call to the API.
import * as client from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, API } = process.env
const shown = {}
for (const [name, method] of [['basic', client.ClientSecretBasic], ['post', client.ClientSecretPost]]) {
  const config = await client.discovery(new URL(ISSUER), CLIENT_ID, undefined, method(CLIENT_SECRET), {
    execute: [client.allowInsecureRequests],
  })
  const tokens = await client.clientCredentialsGrant(config, { scope: 'models:read' })
  const api = await client.fetchProtectedResource(config, tokens.access_token, new URL(API), 'GET')
  const before = await client.tokenIntrospection(config, tokens.access_token)
  await client.tokenRevocation(config, tokens.access_token)
  const after = await client.tokenIntrospection(config, tokens.access_token)
  shown[name] = {
    issuer: config.serverMetadata().issuer,
    expires_in: tokens.expiresIn(),
    scope: tokens.scope,
    api: api.status,
    active: [before.active, after.active],
  }
}
console.log(JSON.stringify(shown))
