// keycloak-connect, Keycloak's own adapter: a grant, its check by the realm's keys, introspection with header and body, userinfo.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const Config = require('keycloak-connect/middleware/auth-utils/config')
const GrantManager = require('keycloak-connect/middleware/auth-utils/grant-manager')

const { BASE, CLIENT_ID, CLIENT_SECRET } = process.env
const config = new Config({
  realm: 'eggplant',
  'auth-server-url': BASE,
  resource: CLIENT_ID,
  credentials: { secret: CLIENT_SECRET },
  'verify-token-audience': true,
})
const manager = new GrantManager(config)
const grant = await manager.obtainFromClientCredentials()
const valid = await manager.validateToken(grant.access_token, 'Bearer')
const active = await manager.validateAccessToken(grant.access_token)
const who = await manager.userInfo(grant.access_token)
console.log(JSON.stringify({ azp: valid.content.azp, active: active !== false, sub: who.sub === valid.content.sub }))
