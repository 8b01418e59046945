"""The look of every page: one style sheet for light, dark, print and phone, and the script of the map."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--paper:#fbfaf7;--card:#fff;--ink:#1c2024;--soft:#59616b;--rule:#e3dfd7;
--one:#2b5f8f;--two:#b4511b;--three:#4d7a33;--four:#7a4f94;--good:#2f6f3e;--warn:#8a5a00;--bad:#a8322a;
--wash:#f3f0ea;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--serif:"Iowan Old Style","Palatino Linotype",Palatino,Georgia,"DejaVu Serif",serif}
@media(prefers-color-scheme:dark){:root{--paper:#131619;--card:#1a1e22;--ink:#e7e5e0;--soft:#a5adb6;--rule:#30363d;
--one:#83b5e6;--two:#f0a26a;--three:#a5cb80;--four:#caa4e2;--good:#86cf97;--warn:#e5b860;--bad:#f29288;--wash:#20252a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 var(--sans);font-variant-numeric:tabular-nums}
main,header,footer,nav{max-width:900px;margin:0 auto;padding:0 20px}
header{padding-top:56px}
.brand{margin:0;color:var(--soft);font-size:.875rem;letter-spacing:.02em}
h1,h2{font-family:var(--serif);font-weight:500;line-height:1.2;text-wrap:balance;overflow-wrap:anywhere}
h1{font-size:clamp(1.9rem,5vw,2.7rem);margin:.25rem 0 .75rem;letter-spacing:-.01em}
h2{font-size:1.55rem;margin:0 0 .6rem}
h3{font-size:1rem;font-weight:600;margin:1.8rem 0 .4rem}
p{margin:.5rem 0 .9rem;max-width:68ch}
.lead{font-size:1.12rem;color:var(--soft);max-width:62ch}
a{color:var(--one);text-underline-offset:3px}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--one);outline-offset:3px}
nav{font-size:.9rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;list-style:none;padding:0;margin:1.4rem 0 0}
nav a{color:var(--soft);text-decoration:none}
nav a:hover{color:var(--ink);text-decoration:underline}
section{padding:2.4rem 0 1.6rem;border-top:1px solid var(--rule)}
main>section:first-of-type{border-top:0}
.verdict{display:grid;grid-template-columns:auto 1fr;gap:0 1.1rem;margin:1.8rem 0 .4rem;padding:1.2rem 1.4rem;
background:var(--card);border:1px solid var(--rule);border-left:6px solid var(--tone);border-radius:8px}
.verdict .sign{grid-row:span 3;display:grid;place-items:center;width:2.6rem;height:2.6rem;border-radius:50%;
border:2px solid var(--tone);color:var(--tone);font-weight:700;font-size:1.25rem;line-height:1}
.verdict strong{font:500 1.5rem/1.3 var(--serif);color:var(--tone)}
.verdict strong::first-letter{text-transform:uppercase}
.verdict p{margin:.3rem 0 0}
.good{--tone:var(--good)}.warn{--tone:var(--warn)}.bad{--tone:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:1rem 0;padding:0}
.tiles div{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:.8rem 1rem;min-width:0}
.tiles dt{color:var(--soft);font-size:.85rem;line-height:1.35}
.tiles dd{margin:.1rem 0 0;font:500 1.6rem/1.25 var(--serif);overflow-wrap:anywhere}
.tiles dd small{display:block;font:400 .8rem/1.4 var(--sans);color:var(--soft)}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,360px),1fr));gap:20px;align-items:start}
div.near{display:flex;gap:14px;align-items:center;margin:.5rem 0}
div.near>img{flex:none}
.strip{display:flex;flex-wrap:wrap;gap:4px}
img{max-width:100%;height:auto}
figure{margin:1.1rem 0;min-width:0}
figure>svg,.scroll>svg{display:block;width:100%;height:auto}
figure>svg{max-width:520px}
figcaption,caption{color:var(--soft);font-size:.875rem;line-height:1.5;max-width:72ch}
figcaption{margin-top:.5rem}
.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}
.scroll>svg{min-width:680px}
svg text{font:12.5px var(--sans);fill:var(--ink)}
svg .tick,svg .axis{fill:var(--soft);font-size:11.5px}
svg .halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
svg .grid{stroke:var(--rule);stroke-width:1}
svg .zero{stroke:var(--soft);stroke-width:1}
svg .f0{fill:var(--one)}svg .f1{fill:var(--two)}svg .f2{fill:var(--three)}svg .f3{fill:var(--four)}
svg .s0{stroke:var(--one)}svg .s1{stroke:var(--two)}svg .s2{stroke:var(--three)}svg .s3{stroke:var(--four)}
svg .stroke{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
svg .level{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 4}
svg .whisker{stroke:var(--ink);stroke-width:1.4}
svg .area{fill-opacity:.28}
svg .bar{fill-opacity:.75}
svg .mark{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:2 2}
svg .frame{fill:var(--card);stroke:var(--rule)}
.map circle{fill:var(--one);fill-opacity:.5}
.map text{font-size:11px;paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}
.map g{cursor:default}
.map .quiet text{visibility:hidden}
.map.asking g{opacity:.28}
.map.asking .asked,.map.asking .near{opacity:1}
.map.asking .near text{font-weight:600}
.map.asking .asked text{visibility:visible;font-weight:700}
.map.asking .near circle{fill:var(--two);fill-opacity:1}
.map.asking .asked circle{fill:var(--ink);fill-opacity:1}
output{display:block;margin-top:.6rem;min-height:3.2em;color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;margin:.8rem 0 1.2rem;font-size:.92rem}
caption{text-align:left;caption-side:bottom;padding-top:.5rem}
th,td{padding:.42rem .8rem .42rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th{font-weight:600;color:var(--soft);font-size:.84rem;border-bottom-color:var(--soft)}
th[scope=row]{color:var(--ink);font-size:inherit;border-bottom-color:var(--rule)}
td{overflow-wrap:anywhere}
.n{text-align:right;white-space:nowrap}
td small,th small{font-weight:400;color:var(--soft);font-size:.84rem}
.numbers th,.numbers td{padding-right:1rem}
.numbers :is(th,td):nth-child(n+2):nth-child(-n+4){text-align:right;white-space:nowrap}
.numbers td:last-child{color:var(--soft);font-size:.84rem;min-width:9rem}
.numbers th[scope=row]{font-weight:500}
pre{background:var(--wash);border-radius:8px;padding:.9rem 1.1rem;overflow-x:auto;font:.86rem/1.55 var(--mono)}
code{font:.9em var(--mono);background:var(--wash);border-radius:4px;padding:.08em .3em}
pre code{background:none;padding:0;font-size:inherit}
details{margin:.9rem 0}
summary{cursor:pointer;color:var(--soft);font-size:.92rem}
.aside{color:var(--soft);font-size:.92rem}
footer{padding-top:1.5rem;padding-bottom:56px;color:var(--soft);font-size:.88rem}
footer table{font-size:inherit}
@media(max-width:560px){header{padding-top:32px}body{font-size:15.5px}th,td{padding-right:.55rem}
.verdict{padding:1rem;gap:0 .8rem}.tiles{grid-template-columns:1fr 1fr}
.stack thead th:nth-child(n+2){position:absolute;clip-path:inset(50%)}
.stack tr{display:block;padding:.45rem 0;border-bottom:1px solid var(--rule)}
.stack td,.stack th[scope=row]{display:block;border:0;padding:.06rem 0;text-align:left;white-space:normal}
.stack td[data-name]::before{content:attr(data-name) " ";color:var(--soft);font-size:.84rem}
.stack td:empty{display:none}
.numbers .stack td:nth-child(n){text-align:left;white-space:normal}}
@media print{body{background:#fff}.scroll{overflow:visible}section{break-inside:avoid-page}nav{display:none}}
"""

SCRIPT: Final = """
for(const map of document.querySelectorAll("svg.map")){
const points=[...map.querySelectorAll("g[data-near]")],said=map.closest("figure").querySelector("output");
const name=p=>p.querySelector("title").textContent;let held=null;
said.textContent="Point at a word, or tap it: its true neighbours light up.";
const clear=()=>{map.classList.remove("asking");for(const p of points)p.classList.remove("asked","near")};
const ask=p=>{clear();const near=p.dataset.near.split(" ").filter(Boolean).map(i=>points[i]);
map.classList.add("asking");p.classList.add("asked");for(const q of near)q.classList.add("near");
said.textContent="\\u2068"+name(p)+"\\u2069: "+near.map(q=>"\\u2068"+name(q)+"\\u2069").join(", ")};
for(const p of points){p.addEventListener("pointerenter",()=>{if(!held)ask(p)});
p.addEventListener("pointerleave",()=>{if(!held)clear()});
p.addEventListener("click",e=>{e.stopPropagation();held=held===p?null:p;held?ask(p):clear()})}
map.addEventListener("click",()=>{held=null;clear()})}
"""
