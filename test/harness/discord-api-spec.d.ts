/** The package's schemas have no types of their own; an answer is held against the one that its name finds. */
declare module "discord-api-spec/zod";
