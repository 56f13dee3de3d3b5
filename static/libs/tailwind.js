import "@tailwindcss/browser";
