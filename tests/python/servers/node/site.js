// Express with compression, and sirv, over the files of a directory: `node site.js PORT`, in the directory of its server.
// What it needs is installed by scripts/ensure-servers.sh, and found through NODE_PATH.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const compression = require("compression");
const express = require("express");
const sirv = require("sirv");

const site = path.join(process.cwd(), "site");
const app = express();
let visits = 0;

app.use("/files", express.static(site));
app.use("/coded", compression({ threshold: 0 }), express.static(site));
app.get("/pages/:name", (request, response) => {
  response.type("html").send(fs.readFileSync(path.join(site, request.params.name)));
});
app.get("/token/:name", (request, response) => {
  visits += 1;
  const text = fs.readFileSync(path.join(site, request.params.name), "utf-8");
  response.type("html").send(`<script nonce="${visits}"></script>${text}`);
});
// The tag of a page that is not there: Express gives one to whatever it sends.
app.get("/gone/:name", (request, response) => response.status(404).send("nothing here"));
// The time as a number, which is how it understands what comes back.
app.get("/epoch/:name", (request, response) => {
  const file = path.join(site, request.params.name);
  const modified = String(Math.round(fs.statSync(file).mtimeMs));
  response.set("Last-Modified", modified);
  response.removeHeader("ETag");
  if (request.headers["if-modified-since"] === modified) return response.status(304).end();
  return response.type("html").end(fs.readFileSync(file));
});
// `dev` looks at the disk at each request; without it, everything but the bytes is read at the start.
app.use("/sirv", sirv(site, { dev: true, etag: true }));
app.use("/started", sirv(site, { etag: true }));

app.listen(Number(process.argv[2]), "127.0.0.1");
