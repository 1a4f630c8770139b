-- What messages ask, and what people answer.

alter table messages add column poll jsonb check (jsonb_typeof(poll) = 'object');
comment on column messages.poll is 'What is asked and can be answered, as it is sent; how it stands is in polls.';

create table polls (
  message_id bigint primary key references messages on delete cascade,
  expires_at timestamptz not null,
  ended      boolean not null default false
);
create index polls_due on polls (expires_at) where not ended;
comment on table polls is 'The poll of a message. Votes are written only with the message''s row locked.';
comment on column polls.ended is 'Its result is told. Nobody votes after expires_at, though it may be told a little later.';

create table poll_answers (
  message_id bigint not null references polls on delete cascade,
  answer_id  smallint not null,
  count      integer not null default 0,
  primary key (message_id, answer_id)
);
comment on table poll_answers is 'What can be voted for.';
comment on column poll_answers.count is 'Rows in poll_votes, kept with them: counting thousands for each reader is slow.';

create table poll_votes (
  message_id bigint not null,
  answer_id  smallint not null,
  user_id    bigint not null references users on delete cascade,
  primary key (message_id, answer_id, user_id),
  foreign key (message_id, answer_id) references poll_answers on delete cascade
);
create index poll_votes_user on poll_votes (user_id);
comment on table poll_votes is 'Who voted for what. Paged by user_id within an answer.';

create sequence poll_vote_version;
comment on sequence poll_vote_version is 'Versions of votes, drawn with the message''s row locked: of a vote and its withdrawal that are told the wrong way round, the later holds.';
