// A provider on the port of the first argument; the others are client id, secret and redirect URI.
// Whoever signs in as ops… is in the group rollcall-operators; the address of all is verified.
import Provider from "oidc-provider";

const [port, client_id, client_secret, redirect_uri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri], response_types: ["code"], grant_types: ["authorization_code"] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["groups"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["a key of the tests"] },
  pkce: { required: () => true },
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({
      sub,
      email: `${sub}@operators.test`,
      email_verified: true,
      groups: sub.startsWith("ops") ? ["rollcall-operators", "staff"] : ["staff"],
    }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
