-- Rate limits that an operator has raised, lowered or lifted for one application.

alter table applications
  add column rate_limit_factor double precision not null default 1 check (rate_limit_factor > 0);

comment on column applications.rate_limit_factor is
  'How many times the usual rate limits its bot has; Infinity lifts them. Set with: guildhall limits.';
