"use strict";
// Before anything is drawn: the theme that was chosen; without one the system's.
try { document.documentElement.dataset.theme = localStorage.getItem("theme") ?? ""; } catch { /* storage may be forbidden */ }
