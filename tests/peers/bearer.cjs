// Required by Node before the conformance suite: each of its requests bears the token, for which the suite itself has no option.
const { subscribe } = require("node:diagnostics_channel");

const token = "Bearer " + process.env.BEARER;
subscribe("undici:request:create", ({ request }) => request.addHeader("authorization", token));
subscribe("http.client.request.created", ({ request }) => request.setHeader("authorization", token));
