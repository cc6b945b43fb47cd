// oauth4webapi: discovery, a grant, and the strict check of an access token (RFC 9068) that a resource server makes.
import * as oauth from 'oauth4webapi'

const { ISSUER, CLIENT_ID, CLIENT_SECRET } = process.env
const insecure = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ISSUER)
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
const inserted = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' }),
)
const me = { client_id: CLIENT_ID }
const answer = await oauth.clientCredentialsGrantRequest(server, me, oauth.ClientSecretBasic(CLIENT_SECRET), {}, insecure)
const tokens = await oauth.processClientCredentialsResponse(server, me, answer)
const request = new Request('http://api/', { headers: { authorization: `Bearer ${tokens.access_token}` } })
let strict
try {
  const claims = await oauth.validateJwtAccessToken(server, request, 'melanzana', insecure)
  strict = { client_id: claims.client_id, iss: claims.iss }
} catch (error) {
  strict = { refused: error.message }
}
console.log(JSON.stringify({ token_type: tokens.token_type, same: inserted.token_endpoint === server.token_endpoint, strict }))
