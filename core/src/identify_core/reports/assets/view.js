"use strict";
// Interactive views: unpack plotly.js and a fragment, and run both in a sandboxed frame that can reach nothing else.
const nonce = document.currentScript.nonce;

async function unpack(identifier) {
  const bytes = Uint8Array.from(atob(document.getElementById(identifier).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

async function openView(place) {
  const [plotly, fragment] = await Promise.all([unpack("plotly"), unpack(place.dataset.view)]);
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts allow-downloads");
  frame.title = place.dataset.title;
  // A frame made from a string inherits this page's policy, so its scripts carry the same nonce.
  frame.srcdoc =
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><style>html,body{margin:0;height:100%;background:#fff}</style>' +
    `<script nonce="${nonce}">${plotly}</` + `script></head><body>` +
    fragment.replaceAll("<script", `<script nonce="${nonce}"`) + "</body></html>";
  place.append(frame);
}

for (const place of document.querySelectorAll("[data-view][data-open]")) openView(place);
