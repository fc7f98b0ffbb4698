/** All that a site needs of its own: a service worker at an address of the site. */
importScripts("../clarion-sw.js");
