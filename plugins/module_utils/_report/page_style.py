# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the page looks: light, dark and on paper. Colours have a contrast of 4.5 to 1, and none stands alone."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--back:#f6f7f9;--panel:#fff;--text:#1b2330;--soft:#566072;--line:#d9dee7;--mark:#0b5cad;
--row:#eef3fa;--error:#b3261e;--warning:#8a5300;--note:#43516a;--none:#1d6b3c;--bar:#5d86b8;--soonbar:#c77700}
@media (prefers-color-scheme:dark){:root{--back:#12161d;--panel:#1b212b;--text:#e6eaf1;--soft:#a3aec0;--line:#343d4c;
--mark:#7db8ff;--row:#25303f;--error:#ff9a92;--warning:#f5bd5c;--note:#b4c1d6;--none:#7ed6a0;--bar:#5d8fc9;
--soonbar:#e09a2f}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Open Sans",sans-serif}
header,main{max-width:1200px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:26px;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 10px}
h3{font-size:15px;margin:20px 0 6px}
header p,.lead{margin:4px 0 14px;color:var(--soft)}
.lead b{color:var(--text)}
code,small{font-size:12.5px}
code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
section{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin:16px 0}
.skip{position:absolute;left:-9999px}
.skip:focus{left:12px;top:8px;background:var(--panel);padding:6px 12px;z-index:2}
:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
section:focus{outline:none}
.cards{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px;margin:0;padding:0}
.card label{display:block;border:1px solid var(--line);border-left:5px solid currentColor;border-radius:8px;
padding:10px 12px;height:100%;position:relative}
.card b{font-size:24px;line-height:1.2;font-variant-numeric:tabular-nums;color:var(--text)}
.card .word{display:block;color:var(--text)}
.card .sign{position:absolute;right:12px;bottom:10px}
.card input{display:none}
.js .card input{display:block;position:absolute;right:10px;top:10px;width:17px;height:17px;accent-color:var(--mark);
margin:0}
.js .card label{cursor:pointer}
.js .card label:hover{background:var(--row)}
.js .card input:not(:checked)~*{opacity:.55}
.error{color:var(--error)}.warning{color:var(--warning)}.note{color:var(--note)}.none{color:var(--none)}
.changes{display:flex;flex-wrap:wrap;gap:6px 26px;list-style:none;margin:0 0 8px;padding:0}
.changes b{font-size:18px}
.timeline{display:block;width:100%;height:auto;max-height:230px}
.timeline text{fill:var(--soft);font-size:12px;text-anchor:middle}
.timeline .count{fill:var(--text);font-weight:600}
.timeline line{stroke:var(--line)}
.bar{fill:var(--bar)}.bar.ended{fill:var(--error)}.bar.soon{fill:var(--soonbar)}
table{border-collapse:separate;border-spacing:0;width:100%}
th,td{text-align:left;padding:8px 10px;border-bottom:1px solid var(--line);vertical-align:top}
thead th{font-size:13px;color:var(--soft);font-weight:600;background:var(--panel)}
th[scope=row]{font-weight:600;overflow-wrap:anywhere}
th small{font-weight:400;color:var(--soft);overflow-wrap:anywhere}
td p{margin:0 0 4px}#attention th:first-child{width:40%}#attention td:nth-child(2){white-space:nowrap}
.js #attention{display:none}
.tall{max-height:330px;overflow:auto}.number{text-align:right;font-variant-numeric:tabular-nums}
.tools{display:flex;flex-wrap:wrap;align-items:center;gap:8px 18px;margin-bottom:10px}
[hidden]{display:none!important}
input[type=search],select,button{font:inherit;color:inherit;background:var(--panel);border:1px solid var(--soft);
border-radius:6px;padding:5px 9px}
input[type=search]{width:min(300px,70vw)}
button{cursor:pointer}
button:hover{background:var(--row)}
input[type=checkbox]{accent-color:var(--mark)}
#shown{margin:0 0 0 auto;color:var(--soft)}
.frame{height:min(66vh,760px);overflow:auto;border:1px solid var(--line);border-radius:8px;overflow-anchor:none}
#table{table-layout:fixed;min-width:760px}
#table thead th{position:sticky;top:0;z-index:1;padding:0;border-bottom:2px solid var(--line)}
#table thead button{width:100%;border:0;border-radius:0;background:none;text-align:left;padding:9px 10px;
font-weight:600}
#table tbody tr:hover,#table tbody tr:focus-within{background:var(--row)}
#table td,#table tbody th{height:44px;padding:0 10px;vertical-align:middle;white-space:nowrap;overflow:hidden;
text-overflow:ellipsis;font-weight:400}
#table tr.space td{height:auto;padding:0;border:0}
#table .number,#table .number button{text-align:right;font-variant-numeric:tabular-nums}
#table tbody button{border:0;background:none;padding:2px 0;width:100%;text-align:left;overflow:hidden;
text-overflow:ellipsis;white-space:nowrap;color:var(--mark);font-weight:600}
#table tbody button:focus-visible{outline-offset:-3px}
.hint{color:var(--soft);font-size:13px;margin:8px 0 0}
dialog{border:0;border-left:1px solid var(--line);background:var(--panel);color:var(--text);width:min(620px,100vw);
max-width:none;height:100vh;max-height:none;margin:0 0 0 auto;padding:22px 26px;overflow:auto}
dialog::backdrop{background:rgba(0,0,0,.4)}
dialog h2{font-size:21px;margin-right:90px;overflow-wrap:anywhere}
dialog .close{position:absolute;right:22px;top:20px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 16px;margin:12px 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.finding{border-left:5px solid currentColor;padding:2px 0 2px 12px;margin:10px 0}
.finding p{color:var(--text);margin:2px 0;overflow-wrap:anywhere}
dialog table{font-size:13px}
.date{white-space:nowrap}
@media (forced-colors:active){.bar{fill:CanvasText}.card label{border-left-style:double}}
@media (max-width:640px){header,main{padding-left:10px;padding-right:10px}section{padding:14px 12px}}
@media print{:root{color-scheme:light;--back:#fff;--panel:#fff;--text:#000;--soft:#333;--line:#999;--error:#8c0f08;
--warning:#6b3f00;--note:#333;--none:#0b4d27;--bar:#777;--soonbar:#555}
@page{margin:14mm}.tall{max-height:none}
body{font-size:10.5pt}header,main{max-width:none;padding:0}
section{border:0;padding:0;margin:0 0 7mm}
#applications,.skip,.js .card input,dialog{display:none!important}
.js #attention{display:block}
.card label{padding:2mm 3mm}.card b{font-size:15pt}
.card,tr{break-inside:avoid}thead{display:table-header-group}
h2{break-after:avoid}
.bar,.card label{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.bar.ended{fill:#000}}
"""
