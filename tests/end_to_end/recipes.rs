//! The recipes of docs/recipes, tried as they stand on their pages.

mod front;
mod kitchen;
mod n8n;
mod page;
mod programs;
mod publishers;
mod tools;
