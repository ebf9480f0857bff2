// The scripts of this page lie in rtsched/page/assets/, to be read; here they are compressed, as the data are.

/** The bytes of an element that holds a gzip stream as letters (base64). */
async function unzipped(id) {
  const text = atob(document.getElementById(id).textContent);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function load() {
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await unzipped("scripts"));
  document.body.append(script);
}

if (typeof DecompressionStream === "function") load();
else document.getElementById("headline").textContent = "This browser is older than this page needs (2023).";
