// A real OpenID provider (npm oidc-provider) on loopback, for tests only. FLAVOUR is openid, okta or entra.
// It prints one line of JSON when it listens. Who signs in, and how, is steered by the login hint:
// "alice+mfa", "alice+1fa+overage", "alice+deny". What the real products carry is imitated in `dress`.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';

import Provider from 'oidc-provider';

const FLAVOUR = process.env.FLAVOUR ?? 'openid';
const TENANT = '11111111-2222-3333-4444-555555555555';
const OTHER = '99999999-2222-3333-4444-555555555555';
const MOUNT = { openid: '', okta: '/oauth2/main', entra: `/${TENANT}/v2.0` }[FLAVOUR];
const OURS = { openid: 'api://sallyport', okta: 'api://sallyport', entra: '00000000-aaaa-bbbb-cccc-000000000000' }[FLAVOUR];
const logoutTokens = [];

const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;
const traits = (id) => new Set((id ?? '').split('+'));

function authentication(has) {
  if (has.has('mfa')) return { acr: FLAVOUR === 'okta' ? 'urn:okta:loa:2fa:any' : undefined, amr: ['pwd', 'otp', 'mfa'] };
  if (has.has('phr')) return { acr: 'phr', amr: ['hwk', 'user'] };
  return { acr: FLAVOUR === 'okta' ? 'urn:okta:loa:1fa:any' : undefined, amr: ['pwd'] };
}

const dress = {
  openid(token, { payload }, has) {
    Object.assign(payload, authentication(has), { groups: ['support-agents'] });
  },
  okta(token, jwt, has) {
    const { payload } = jwt;
    jwt.header = { typ: undefined };
    Object.assign(payload, { ver: 1, cid: payload.client_id, scp: (payload.scope ?? '').split(' ').filter(Boolean) });
    delete payload.client_id;
    delete payload.scope;
    if (token.kind === 'ClientCredentials') return;
    const login = [...has][0];
    Object.assign(payload, authentication(has), { sub: `${login}@org.example`, uid: `00u${login}` });
    Object.assign(payload, has.has('nogroups') ? {} : { groups: ['Everyone', 'support-agents'] });
    if (has.has('orgserver')) payload.aud = payload.iss;
  },
  entra(token, jwt, has) {
    const { payload } = jwt;
    jwt.header = { typ: 'JWT' };
    Object.assign(payload, { ver: '2.0', tid: TENANT, azp: payload.client_id, uti: payload.jti, nbf: payload.iat });
    for (const name of ['client_id', 'scope', 'jti']) delete payload[name];
    if (token.kind === 'ClientCredentials') {
      Object.assign(payload, { idtyp: 'app', oid: 'service-oid', sub: 'service-oid', roles: ['Agent'] });
      return;
    }
    const login = [...has][0];
    Object.assign(payload, {
      oid: `${login}-oid`, sub: `pairwise-${login}`, scp: 'access', roles: ['Agent'], preferred_username: `${login}@org.example`,
    });
    if (has.has('mfa')) payload.acrs = ['c1'];
    if (has.has('guest')) payload.idp = `https://sts.windows.net/${OTHER}/`;
    if (has.has('wrongtenant')) payload.tid = OTHER;
    if (has.has('overage')) {
      payload._claim_names = { groups: 'src1' };
      payload._claim_sources = { src1: { endpoint: `${origin}/never-to-be-followed` } };
    }
    if (has.has('app')) payload.idtyp = 'app';
  },
};

const keys = [
  { kid: 'rsa-1', alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }) },
  { kid: 'ec-1', alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }) },
].map((key) => ({ use: 'sig', ...key }));

const provider = new Provider(origin + MOUNT, {
  jwks: { keys },
  clients: [
    {
      client_id: 'cli',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      backchannel_logout_uri: `${origin}/backchannel`,
      backchannel_logout_session_required: true,
    },
    {
      client_id: 'service',
      client_secret: 'a secret of this test alone',
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
    },
  ],
  cookies: { keys: ['test'] },
  claims: { openid: ['sub'] },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (ctx, interaction) => `${MOUNT}/ix/${interaction.uid}` },
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  ttl: { DeviceCode: (ctx, code) => (traits(code.params.login_hint).has('short') ? 1 : 600) },
  fetch: async (url, options) => {
    logoutTokens.push(new URLSearchParams(options.body.toString()).get('logout_token'));
    return new Response(null, { status: 200 });
  },
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    backchannelLogout: { enabled: true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'access', audience: resource === 'urn:ours' ? OURS : resource, accessTokenFormat: 'jwt',
        accessTokenTTL: 300, jwt: { sign: { alg: FLAVOUR === 'openid' ? 'ES256' : 'RS256' } },
      }),
    },
  },
  formats: { customizers: { jwt: (ctx, token, jwt) => dress[FLAVOUR](token, jwt, traits(token.accountId)) } },
});

async function interaction(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const hint = params.login_hint ?? session?.accountId ?? 'alice+1fa';
  if (traits(hint).has('deny')) {
    return provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'declined' });
  }
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: hint } });
  }
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

async function templated(response) {
  // Entra's multi-tenant documents: one template for the issuer, and keys that name theirs but no alg.
  const { keys } = await (await fetch(`${origin}${MOUNT}/jwks`)).json();
  const issuer = `${origin}/{tenantid}/v2.0`;
  response.end(JSON.stringify({ issuer, jwks_uri: `${origin}/common/keys`, keys: keys.map(({ alg, ...key }) => ({ ...key, issuer })) }));
}

const handle = provider.callback();
server.on('request', (request, response) => {
  const { pathname } = new URL(request.url, origin);
  if (pathname === '/test/logout-tokens') return response.end(JSON.stringify(logoutTokens));
  if (pathname.startsWith('/common/')) return templated(response);
  if (pathname.startsWith(`${MOUNT}/ix/`)) {
    return interaction(request, response).catch((error) => { response.statusCode = 500; response.end(String(error.stack)); });
  }
  request.originalUrl = request.url;
  if (MOUNT && request.url.startsWith(MOUNT)) request.url = request.url.slice(MOUNT.length) || '/';
  return handle(request, response);
});

console.log(JSON.stringify({ issuer: origin + MOUNT, origin, audience: OURS, tenant: TENANT }));
